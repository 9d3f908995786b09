-- A server of tools. id, tenant, name, identifier, icon, sealed, settings, tools, account, now
INSERT INTO tool_mcps (id, tenant_id, name, identifier, icon, sealed, settings, tools, created_by,
  created_ms, updated_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
ON CONFLICT DO NOTHING
