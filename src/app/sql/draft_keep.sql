-- A value for a variable that has none yet.
-- $1 id, $2 tenant, $3 app, $4 account, $5 node, $6 name, $7 description, $8 type, $9 value, $10 whole,
-- $11 bytes of the whole, $12 length, $13 visible, $14 editable, $15 run, $16 execution, $17 now, $18 place
INSERT INTO draft_variables (id, tenant_id, app_id, account_id, node_id, name, description, value_type,
	value, whole, whole_bytes, length, visible, editable, run_id, execution_id, edited_at, saved_at, place)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 0, $17, $18)
ON CONFLICT (app_id, account_id, node_id, name) DO NOTHING
