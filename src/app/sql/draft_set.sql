-- Another name or value for a variable; edited 0: it is as its run left it.
-- $1 tenant, $2 app, $3 account, $4 id, $5 name, $6 type, $7 value, $8 whole, $9 bytes of the whole,
-- $10 length, $11 edited
UPDATE draft_variables SET name = $5, value_type = $6, value = $7, whole = $8, whole_bytes = $9,
	length = $10, edited_at = $11
WHERE tenant_id = $1 AND app_id = $2 AND account_id = $3 AND id = $4
