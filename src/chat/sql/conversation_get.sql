-- One conversation of its owner. tenant, app, id, owner, by_account
SELECT id, tenant_id, app_id, mode, name, introduction, inputs, config, invoke_from, created_by,
  by_account, dialogue_count, pinned_ms, created_ms, updated_ms
FROM conversations
WHERE tenant_id = $1 AND app_id = $2 AND id = $3 AND created_by = $4 AND by_account = $5
  AND deleted = 0
