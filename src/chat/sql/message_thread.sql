-- What memory needs, newest first. tenant, conversation, message left out, limit
SELECT id, parent_message_id, query, answer, files
FROM messages
WHERE tenant_id = $1 AND conversation_id = $2 AND id <> $3
ORDER BY created_ms DESC, id DESC
LIMIT $4
