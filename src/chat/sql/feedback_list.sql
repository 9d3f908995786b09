-- Page of an app's feedback, newest first. tenant, app, limit, offset
SELECT id, conversation_id, message_id, rating, content, from_source, created_by, created_ms,
  updated_ms
FROM message_feedbacks
WHERE tenant_id = $1 AND app_id = $2
ORDER BY created_ms DESC, id DESC
LIMIT $3 OFFSET $4
