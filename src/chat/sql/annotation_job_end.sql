-- What was to be done is not kept. tenant, app, id, status, error, now
UPDATE annotation_jobs SET status = $4, error = $5, payload = '', updated_ms = $6
WHERE tenant_id = $1 AND app_id = $2 AND id = $3 AND status IN ('waiting', 'processing')
