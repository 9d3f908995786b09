-- All keys of $2 app in $1 tenant.
DELETE FROM api_keys WHERE tenant_id = $1 AND app_id = $2
