-- Hides it; the log keeps the messages until retention removes them. tenant, app, id, owner, by_account, now
UPDATE conversations SET deleted = 1, updated_ms = $6
WHERE tenant_id = $1 AND app_id = $2 AND id = $3 AND created_by = $4 AND by_account = $5
  AND deleted = 0
