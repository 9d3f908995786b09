-- All of a workspace. tenant
SELECT id, name, icon, description, schema_kind, schema_text, operations, credentials,
  privacy_policy, disclaimer, labels
FROM tool_apis WHERE tenant_id = $1
ORDER BY created_ms DESC, id
