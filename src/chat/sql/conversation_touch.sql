-- tenant, id, now
UPDATE conversations SET updated_ms = $3 WHERE tenant_id = $1 AND id = $2 AND updated_ms < $3
