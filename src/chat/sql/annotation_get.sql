-- tenant, app, id
SELECT id, conversation_id, message_id, question, content, account_id, hit_count, created_ms
FROM annotations
WHERE tenant_id = $1 AND app_id = $2 AND id = $3
