-- What annotations answered in a conversation. tenant, app, conversation
SELECT id, annotation_id, message_id, source, question, annotation_question, annotation_content,
  annotation_account_id, score, created_ms
FROM annotation_hits
WHERE tenant_id = $1 AND app_id = $2 AND conversation_id = $3
