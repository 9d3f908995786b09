-- So many rows are stored now. tenant, app, id, done before, done, now
UPDATE annotation_jobs SET done = $5, updated_ms = $6
WHERE tenant_id = $1 AND app_id = $2 AND id = $3 AND done = $4 AND status = 'processing'
