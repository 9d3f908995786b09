-- The owner gives a name. tenant, app, id, owner, by_account, name, now
UPDATE conversations SET name = $6, named = 1, updated_ms = $7
WHERE tenant_id = $1 AND app_id = $2 AND id = $3 AND created_by = $4 AND by_account = $5
  AND deleted = 0
