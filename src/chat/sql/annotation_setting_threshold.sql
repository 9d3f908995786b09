-- tenant, app, id, threshold, now
UPDATE annotation_settings SET score_threshold = $4, updated_ms = $5
WHERE tenant_id = $1 AND app_id = $2 AND id = $3 AND enabled = 1
