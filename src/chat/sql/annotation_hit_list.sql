-- Page of what an annotation answered, newest first, with the total. tenant, app, annotation, limit, offset
SELECT id, annotation_id, message_id, source, question, annotation_question, annotation_content,
  annotation_account_id, score, created_ms, count(*) OVER () AS total
FROM annotation_hits
WHERE tenant_id = $1 AND app_id = $2 AND annotation_id = $3
ORDER BY created_ms DESC, id DESC
LIMIT $4 OFFSET $5
