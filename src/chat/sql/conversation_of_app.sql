-- One conversation of an app, whoever owns it: for logs. tenant, app, id
SELECT id, tenant_id, app_id, mode, name, introduction, inputs, config, invoke_from, created_by,
  by_account, dialogue_count, pinned_ms, created_ms, updated_ms
FROM conversations
WHERE tenant_id = $1 AND app_id = $2 AND id = $3 AND deleted = 0
