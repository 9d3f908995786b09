-- An imported API. id, tenant, name, icon, description, kind, schema, operations, credentials,
-- privacy policy, disclaimer, labels, account, now
INSERT INTO tool_apis (id, tenant_id, name, icon, description, schema_kind, schema_text, operations,
  credentials, privacy_policy, disclaimer, labels, created_by, created_ms, updated_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)
ON CONFLICT DO NOTHING
