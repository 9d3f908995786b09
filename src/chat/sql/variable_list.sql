-- tenant, app, conversation
SELECT id, name, value_type, value, description, created_ms, updated_ms
FROM conversation_variables
WHERE tenant_id = $1 AND app_id = $2 AND conversation_id = $3
ORDER BY created_ms, position, id
