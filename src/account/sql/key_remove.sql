-- $1 tenant, $2 id.
DELETE FROM api_keys WHERE tenant_id = $1 AND id = $2
