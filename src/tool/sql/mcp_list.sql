-- All of a workspace. tenant
SELECT id, name, identifier, icon, sealed, settings, tools, updated_ms
FROM tool_mcps WHERE tenant_id = $1
ORDER BY created_ms DESC, id
