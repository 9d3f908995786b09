-- tenant, app, annotation
DELETE FROM annotation_hits WHERE tenant_id = $1 AND app_id = $2 AND annotation_id = $3
