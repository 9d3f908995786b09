-- One feedback a message and source. id, tenant, app, conversation, message, rating, content, source, owner, now
INSERT INTO message_feedbacks (id, tenant_id, app_id, conversation_id, message_id, rating, content,
  from_source, created_by, created_ms, updated_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
ON CONFLICT (message_id, from_source) DO UPDATE SET rating = excluded.rating,
  content = excluded.content, created_by = excluded.created_by, updated_ms = excluded.updated_ms
