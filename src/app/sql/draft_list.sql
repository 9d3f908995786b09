-- A page of a person's values of an app, newest first, without the values.
-- $1 tenant, $2 app, $3 account, $4 limit, $5 offset
SELECT id, node_id, name, description, value_type, whole_bytes, length, visible, editable, run_id,
	execution_id, edited_at, saved_at
FROM draft_variables WHERE tenant_id = $1 AND app_id = $2 AND account_id = $3
ORDER BY saved_at DESC, place DESC LIMIT $4 OFFSET $5
