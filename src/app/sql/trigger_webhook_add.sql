-- An address for a webhook node that is only in the draft yet.
-- $1 id, $2 tenant, $3 app, $4 node, $5 title, $6 webhook id, $7 now
INSERT INTO triggers (id, tenant_id, app_id, node_id, type, title, provider, enabled, webhook_id, next_at,
	created_at, updated_at)
VALUES ($1, $2, $3, $4, 'trigger-webhook', $5, '', 1, $6, 0, $7, $7)
ON CONFLICT (app_id, node_id) DO NOTHING
