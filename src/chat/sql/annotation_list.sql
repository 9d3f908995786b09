-- Page of an app's annotations, newest first, with the total. tenant, app, keyword pattern ('' = all),
-- limit, offset
SELECT id, conversation_id, message_id, question, content, account_id, hit_count, created_ms,
  count(*) OVER () AS total
FROM annotations
WHERE tenant_id = $1 AND app_id = $2
  AND ($3 = '' OR lower(question) LIKE $3 OR lower(content) LIKE $3)
ORDER BY created_ms DESC, id DESC
LIMIT $4 OFFSET $5
