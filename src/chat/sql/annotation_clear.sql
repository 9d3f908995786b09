-- tenant, app
DELETE FROM annotations WHERE tenant_id = $1 AND app_id = $2
