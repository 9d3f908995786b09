-- tenant, app, message, owner, now
INSERT INTO saved_messages (tenant_id, app_id, message_id, created_by, created_ms)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING
