-- $1 tenant, $2 app or '', $3 type. Columns: id, tenant, app, type, hint, created, last used.
SELECT id, tenant_id, app_id, type, hint, created_ms, last_used_ms FROM api_keys
WHERE tenant_id = $1 AND app_id = $2 AND type = $3 ORDER BY created_ms, id
