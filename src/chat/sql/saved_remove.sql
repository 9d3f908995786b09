-- tenant, app, message, owner
DELETE FROM saved_messages
WHERE tenant_id = $1 AND app_id = $2 AND message_id = $3 AND created_by = $4
