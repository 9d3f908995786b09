-- Forms of an app that wait, oldest first.
-- $1 tenant, $2 app
-- columns: as form_get
SELECT id, token, tenant_id, app_id, run_id, node_id, state, definition, action, data, created_at,
	expires_at, answered_at, scope
FROM flow_forms WHERE tenant_id = $1 AND app_id = $2 AND state = 'waiting' ORDER BY created_at, id LIMIT 200
