-- Ends that nobody asks for any more. tenant, app, updated before
DELETE FROM annotation_jobs
WHERE tenant_id = $1 AND app_id = $2 AND updated_ms < $3 AND status IN ('completed', 'error')
