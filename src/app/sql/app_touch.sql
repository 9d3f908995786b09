-- $1 tenant, $2 id.
UPDATE apps SET version = version + 1 WHERE tenant_id = $1 AND id = $2
