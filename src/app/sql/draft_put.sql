-- A value that a run left; it replaces the older one, edited or not.
-- $1 id, $2 tenant, $3 app, $4 account, $5 node, $6 name, $7 description, $8 type, $9 value, $10 whole,
-- $11 bytes of the whole, $12 length, $13 visible, $14 editable, $15 run, $16 execution, $17 now, $18 place
INSERT INTO draft_variables (id, tenant_id, app_id, account_id, node_id, name, description, value_type,
	value, whole, whole_bytes, length, visible, editable, run_id, execution_id, edited_at, saved_at, place)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 0, $17, $18)
ON CONFLICT (app_id, account_id, node_id, name) DO UPDATE SET value_type = excluded.value_type,
	value = excluded.value, whole = excluded.whole, whole_bytes = excluded.whole_bytes,
	length = excluded.length, visible = excluded.visible, editable = excluded.editable,
	run_id = excluded.run_id, execution_id = excluded.execution_id, edited_at = 0,
	saved_at = excluded.saved_at, place = excluded.place
