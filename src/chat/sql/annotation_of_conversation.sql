-- Annotations made of the messages of a conversation. tenant, app, conversation
SELECT id, conversation_id, message_id, question, content, account_id, hit_count, created_ms
FROM annotations
WHERE tenant_id = $1 AND app_id = $2 AND conversation_id = $3
