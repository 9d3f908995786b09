-- tenant, app
SELECT id, enabled, score_threshold, provider, model, version
FROM annotation_settings
WHERE tenant_id = $1 AND app_id = $2
