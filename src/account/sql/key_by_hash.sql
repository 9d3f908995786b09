-- $1 hash, $2 type. Columns as key_list.
SELECT id, tenant_id, app_id, type, hint, created_ms, last_used_ms FROM api_keys
WHERE token_hash = $1 AND type = $2
