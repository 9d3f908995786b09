-- A workflow as a tool. id, tenant, app, name, label, icon, description, parameters, privacy policy,
-- labels, version, account, now
INSERT INTO tool_workflows (id, tenant_id, app_id, name, label, icon, description, parameters,
  privacy_policy, labels, version, created_by, created_ms, updated_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)
ON CONFLICT DO NOTHING
