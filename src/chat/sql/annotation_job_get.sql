-- tenant, app, kind, id
SELECT id, kind, status, error, done, total
FROM annotation_jobs
WHERE tenant_id = $1 AND app_id = $2 AND kind = $3 AND id = $4
