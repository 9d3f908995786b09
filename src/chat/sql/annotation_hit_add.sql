-- id, tenant, app, annotation, conversation, message, source, score, question, the annotation's
-- question, content, author, now
INSERT INTO annotation_hits (id, tenant_id, app_id, annotation_id, conversation_id, message_id, source,
  score, question, annotation_question, annotation_content, annotation_account_id, created_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
