-- The form that a token opens.
-- $1 token
-- columns: id token tenant_id app_id run_id node_id state definition action data created_at expires_at answered_at scope
SELECT id, token, tenant_id, app_id, run_id, node_id, state, definition, action, data, created_at,
	expires_at, answered_at, scope
FROM flow_forms WHERE token = $1
