-- By id or identifier. tenant, id or identifier
SELECT id, name, identifier, icon, sealed, settings, tools, updated_ms
FROM tool_mcps WHERE tenant_id = $1 AND (id = $2 OR identifier = $2)
ORDER BY CASE WHEN id = $2 THEN 0 ELSE 1 END
LIMIT 1
