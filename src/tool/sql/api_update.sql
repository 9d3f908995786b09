-- What its author changed. tenant, id, name, icon, description, kind, schema, operations,
-- credentials, privacy policy, disclaimer, labels, now
UPDATE tool_apis SET name = $3, icon = $4, description = $5, schema_kind = $6, schema_text = $7,
  operations = $8, credentials = $9, privacy_policy = $10, disclaimer = $11, labels = $12,
  updated_ms = $13
WHERE tenant_id = $1 AND id = $2
