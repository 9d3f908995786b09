-- Annotations of an app from the newest on, behind one that was seen.
-- tenant, app, its time and id, at most
SELECT id, conversation_id, message_id, question, content, account_id, hit_count, created_ms
FROM annotations
WHERE tenant_id = $1 AND app_id = $2 AND (created_ms < $3 OR (created_ms = $3 AND id < $4))
ORDER BY created_ms DESC, id DESC
LIMIT $5
