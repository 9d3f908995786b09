-- $1 tenant, $2 id.
DELETE FROM app_imports WHERE tenant_id = $1 AND id = $2
