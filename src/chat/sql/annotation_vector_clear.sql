-- All vectors of an app. tenant, app
DELETE FROM annotation_vectors WHERE tenant_id = $1 AND app_id = $2
