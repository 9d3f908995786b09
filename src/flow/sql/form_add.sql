-- A form that a run waits for.
-- $1 id, $2 token, $3 tenant, $4 app, $5 run, $6 node, $7 definition, $8 now, $9 expires, $10 scope
INSERT INTO flow_forms (id, token, tenant_id, app_id, run_id, node_id, state, definition, action,
	data, answered_by, created_at, expires_at, answered_at, scope)
VALUES ($1, $2, $3, $4, $5, $6, 'waiting', $7, '', '{}', '', $8, $9, 0, $10)
