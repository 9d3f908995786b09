-- $1 tenant, $2 id.
DELETE FROM apps WHERE tenant_id = $1 AND id = $2
