-- A new annotation, or other words for the one of the same message.
-- id, tenant, app, conversation or NULL, message or NULL, question, content, account, now
-- columns: id
INSERT INTO annotations (id, tenant_id, app_id, conversation_id, message_id, question, content,
  hit_count, account_id, revision, created_ms, updated_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, 1, $9, $9)
ON CONFLICT (message_id) WHERE message_id IS NOT NULL DO UPDATE SET question = excluded.question,
  content = excluded.content, account_id = excluded.account_id,
  revision = annotations.revision + 1, updated_ms = excluded.updated_ms
WHERE annotations.tenant_id = excluded.tenant_id AND annotations.app_id = excluded.app_id
RETURNING id
