-- tenant, app, id, now
UPDATE annotation_jobs SET status = 'processing', updated_ms = $4
WHERE tenant_id = $1 AND app_id = $2 AND id = $3 AND status IN ('waiting', 'processing')
