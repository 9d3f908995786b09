-- $1 tenant, $2 app.
DELETE FROM workflows WHERE tenant_id = $1 AND app_id = $2
