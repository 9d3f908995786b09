-- A message before its answer. id, tenant, app, conversation, mode, inputs, query, prompt, files,
-- parent, run, from, owner, by_account, now
INSERT INTO messages (id, tenant_id, app_id, conversation_id, mode, inputs, query, prompt, answer,
  status, error, message_tokens, answer_tokens, total_price, currency, latency, metadata, files,
  parent_message_id, workflow_run_id, invoke_from, created_by, by_account, created_ms, updated_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', 'normal', NULL, 0, 0, '0', 'USD', 0, '{}', $9, $10,
  $11, $12, $13, $14, $15, $15)
