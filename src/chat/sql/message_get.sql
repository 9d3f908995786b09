-- One message of its owner. tenant, app, id, owner, by_account
SELECT m.id, m.tenant_id, m.app_id, m.conversation_id, m.mode, m.inputs, m.query, m.prompt, m.answer,
  m.status, m.error, m.message_tokens, m.answer_tokens, m.total_price, m.currency, m.latency,
  m.metadata, m.files, m.parent_message_id, m.workflow_run_id, m.invoke_from, m.created_by,
  m.by_account, m.created_ms, f.rating, f.content, a.rating, m.thoughts
FROM messages m
LEFT JOIN message_feedbacks f ON f.message_id = m.id AND f.from_source = 'user'
LEFT JOIN message_feedbacks a ON a.message_id = m.id AND a.from_source = 'admin'
WHERE m.tenant_id = $1 AND m.app_id = $2 AND m.id = $3 AND m.created_by = $4
  AND m.by_account = $5
