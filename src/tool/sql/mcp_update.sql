-- tenant, id, name, identifier, icon, sealed, settings, tools, now
UPDATE tool_mcps SET name = $3, identifier = $4, icon = $5, sealed = $6, settings = $7, tools = $8,
  updated_ms = $9
WHERE tenant_id = $1 AND id = $2
