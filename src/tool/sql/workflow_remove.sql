-- tenant, id
DELETE FROM tool_workflows WHERE tenant_id = $1 AND id = $2
