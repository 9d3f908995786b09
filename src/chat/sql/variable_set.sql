-- tenant, app, conversation, id, value, now
UPDATE conversation_variables SET value = $5, updated_ms = $6
WHERE tenant_id = $1 AND app_id = $2 AND conversation_id = $3 AND id = $4
