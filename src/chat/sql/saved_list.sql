-- An owner's saved messages after (time, id), newest first. tenant, app, owner, time, id, limit
SELECT m.id, m.tenant_id, m.app_id, m.conversation_id, m.mode, m.inputs, m.query, m.prompt, m.answer,
  m.status, m.error, m.message_tokens, m.answer_tokens, m.total_price, m.currency, m.latency,
  m.metadata, m.files, m.parent_message_id, m.workflow_run_id, m.invoke_from, m.created_by,
  m.by_account, m.created_ms, f.rating, f.content, a.rating, m.thoughts, s.created_ms
FROM saved_messages s JOIN messages m ON m.id = s.message_id
LEFT JOIN message_feedbacks f ON f.message_id = m.id AND f.from_source = 'user'
LEFT JOIN message_feedbacks a ON a.message_id = m.id AND a.from_source = 'admin'
WHERE s.tenant_id = $1 AND s.app_id = $2 AND s.created_by = $3
  AND (s.created_ms < $4 OR (s.created_ms = $4 AND s.message_id < $5))
ORDER BY s.created_ms DESC, s.message_id DESC
LIMIT $6
