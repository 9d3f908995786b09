-- Switches off, unless somebody asked for something else since this job. tenant, app, job, now
UPDATE annotation_settings SET enabled = 0, version = version + 1, updated_ms = $4
WHERE tenant_id = $1 AND app_id = $2
  AND $3 = (SELECT j.id FROM annotation_jobs j WHERE j.tenant_id = $1 AND j.app_id = $2
    AND j.kind <> 'import' ORDER BY j.created_ms DESC, j.id DESC LIMIT 1)
