-- A conversation's variable with its first value; kept when it is there. conversation, id, tenant,
-- app, name, type, value, description, position, now
INSERT INTO conversation_variables (conversation_id, id, tenant_id, app_id, name, value_type,
  value, description, position, created_ms, updated_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
ON CONFLICT DO NOTHING
