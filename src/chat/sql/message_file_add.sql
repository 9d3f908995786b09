-- An upload is used in a message. id, tenant, app, message, upload, now
INSERT INTO message_files (id, tenant_id, app_id, message_id, upload_file_id, created_ms)
VALUES ($1, $2, $3, $4, $5, $6)
