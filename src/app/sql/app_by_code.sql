-- The app of a web-app code: $1. Columns as app_get.
SELECT a.id, a.tenant_id, a.name, a.description, a.mode, a.icon_type, a.icon, a.icon_background,
	a.workflow_id, a.created_by, a.updated_by, a.enable_site, a.enable_api,
	a.use_icon_as_answer_icon, a.max_active_requests, a.created_ms, a.updated_ms, a.model_config,
	a.model_config_id, a.version, s.code, w.created_by, w.updated_by, w.created_ms, w.updated_ms
FROM apps a
LEFT JOIN sites s ON s.app_id = a.id
LEFT JOIN workflows w ON w.id = a.workflow_id
WHERE s.code = $1
