-- By id or name. tenant, id or name
SELECT id, name, icon, description, schema_kind, schema_text, operations, credentials,
  privacy_policy, disclaimer, labels
FROM tool_apis WHERE tenant_id = $1 AND (id = $2 OR name = $2)
ORDER BY CASE WHEN id = $2 THEN 0 ELSE 1 END
LIMIT 1
