-- tenant, id, name, label, icon, description, parameters, privacy policy, labels, version, now
UPDATE tool_workflows SET name = $3, label = $4, icon = $5, description = $6, parameters = $7,
  privacy_policy = $8, labels = $9, version = $10, updated_ms = $11
WHERE tenant_id = $1 AND id = $2
