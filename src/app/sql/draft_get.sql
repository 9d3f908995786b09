-- One value.
-- $1 tenant, $2 app, $3 account, $4 id
SELECT id, node_id, name, description, value_type, whole_bytes, length, visible, editable, run_id,
	execution_id, edited_at, saved_at, value
FROM draft_variables WHERE tenant_id = $1 AND app_id = $2 AND account_id = $3 AND id = $4
