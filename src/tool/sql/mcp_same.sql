-- Another one that has this name or identifier. tenant, id, name, identifier
SELECT id FROM tool_mcps WHERE tenant_id = $1 AND id <> $2 AND (name = $3 OR identifier = $4)
