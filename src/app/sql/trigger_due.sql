-- Schedules whose time has come, the longest due first.
-- $1 now, $2 at most
-- columns: as trigger_list
SELECT id, tenant_id, app_id, node_id, type, title, provider, enabled, webhook_id, next_at, created_at,
	updated_at
FROM triggers WHERE next_at > 0 AND next_at <= $1 AND enabled = 1 ORDER BY next_at LIMIT $2
