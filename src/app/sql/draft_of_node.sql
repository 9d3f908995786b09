-- The values of a node, or of "sys" or "conversation", newest first; $5 = 1: whole.
-- $1 tenant, $2 app, $3 account, $4 node, $5 whole
SELECT id, node_id, name, description, value_type, whole_bytes, length, visible, editable, run_id,
	execution_id, edited_at, saved_at,
	CASE WHEN CAST($5 AS BIGINT) = 1 AND whole IS NOT NULL THEN whole ELSE value END
FROM draft_variables WHERE tenant_id = $1 AND app_id = $2 AND account_id = $3 AND node_id = $4
ORDER BY saved_at DESC, place DESC
