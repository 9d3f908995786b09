-- A new conversation. id, tenant, app, mode, name, named, introduction, inputs, config, from, owner, by_account, now
INSERT INTO conversations (id, tenant_id, app_id, mode, name, named, introduction, inputs, config,
  invoke_from, created_by, by_account, dialogue_count, pinned_ms, deleted, created_ms, updated_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 1, 0, 0, $13, $13)
