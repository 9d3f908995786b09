-- What a worker needs. tenant, app, id
SELECT kind, status, payload, account_id, done, total
FROM annotation_jobs
WHERE tenant_id = $1 AND app_id = $2 AND id = $3
