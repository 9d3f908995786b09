-- The trigger behind a webhook's address.
-- $1 webhook id
-- columns: as trigger_list
SELECT id, tenant_id, app_id, node_id, type, title, provider, enabled, webhook_id, next_at, created_at,
	updated_at
FROM triggers WHERE webhook_id = $1 AND webhook_id <> ''
