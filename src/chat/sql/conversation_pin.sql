-- Pins (now) or unpins (0). tenant, app, id, owner, by_account, when
UPDATE conversations SET pinned_ms = $6
WHERE tenant_id = $1 AND app_id = $2 AND id = $3 AND created_by = $4 AND by_account = $5
  AND deleted = 0
