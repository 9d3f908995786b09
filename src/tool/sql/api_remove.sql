-- tenant, id
DELETE FROM tool_apis WHERE tenant_id = $1 AND id = $2
