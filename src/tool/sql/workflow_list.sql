-- All of a workspace. tenant
SELECT id, app_id, name, label, icon, description, parameters, privacy_policy, labels, version
FROM tool_workflows WHERE tenant_id = $1
ORDER BY created_ms DESC, id
