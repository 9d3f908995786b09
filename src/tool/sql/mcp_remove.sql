-- tenant, id
DELETE FROM tool_mcps WHERE tenant_id = $1 AND id = $2
