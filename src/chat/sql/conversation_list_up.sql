-- The same, oldest first.
SELECT id, tenant_id, app_id, mode, name, introduction, inputs, config, invoke_from, created_by,
  by_account, dialogue_count, pinned_ms, created_ms, updated_ms
FROM conversations
WHERE tenant_id = $1 AND app_id = $2 AND created_by = $3 AND by_account = $4 AND deleted = 0
  AND mode <> 'completion'
  AND (CASE WHEN $5 = 1 THEN created_ms ELSE updated_ms END > $6
    OR (CASE WHEN $5 = 1 THEN created_ms ELSE updated_ms END = $6 AND id > $7))
  AND ($8 = -1 OR ($8 = 1 AND pinned_ms > 0) OR ($8 = 0 AND pinned_ms = 0))
ORDER BY CASE WHEN $5 = 1 THEN created_ms ELSE updated_ms END ASC, id ASC
LIMIT $9
