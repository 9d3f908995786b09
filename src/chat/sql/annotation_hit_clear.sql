-- tenant, app
DELETE FROM annotation_hits WHERE tenant_id = $1 AND app_id = $2
