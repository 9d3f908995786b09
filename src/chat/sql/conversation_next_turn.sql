-- One more turn. tenant, id, now
UPDATE conversations SET dialogue_count = dialogue_count + 1, updated_ms = $3
WHERE tenant_id = $1 AND id = $2 AND deleted = 0
