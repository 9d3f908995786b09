-- A trigger of the published version; one that is there keeps its address and its switch.
-- $1 id, $2 tenant, $3 app, $4 node, $5 type, $6 title, $7 provider, $8 webhook id, $9 next, $10 now
INSERT INTO triggers (id, tenant_id, app_id, node_id, type, title, provider, enabled, webhook_id, next_at,
	created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $10, $10)
ON CONFLICT (app_id, node_id) DO UPDATE SET title = excluded.title, provider = excluded.provider,
	webhook_id = CASE WHEN triggers.type = excluded.type THEN triggers.webhook_id ELSE excluded.webhook_id END,
	type = excluded.type, next_at = excluded.next_at, updated_at = excluded.updated_at
