-- By its own id or its app's. tenant, id
SELECT id, app_id, name, label, icon, description, parameters, privacy_policy, labels, version
FROM tool_workflows WHERE tenant_id = $1 AND (id = $2 OR app_id = $2)
