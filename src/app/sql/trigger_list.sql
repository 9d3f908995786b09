-- Triggers of an app, newest first.
-- $1 tenant, $2 app
-- columns: id tenant_id app_id node_id type title provider enabled webhook_id next_at created_at updated_at
SELECT id, tenant_id, app_id, node_id, type, title, provider, enabled, webhook_id, next_at, created_at,
	updated_at
FROM triggers WHERE tenant_id = $1 AND app_id = $2 ORDER BY created_at DESC, id DESC
