-- tenant, app, message, source
DELETE FROM message_feedbacks
WHERE tenant_id = $1 AND app_id = $2 AND message_id = $3 AND from_source = $4
