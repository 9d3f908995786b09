-- A new uploaded file.
-- $1 id, $2 tenant, $3 app, $4 name, $5 extension, $6 mime, $7 key, $8 size, $9 creator, $10 role, $11 now
INSERT INTO upload_files (id, tenant_id, app_id, name, extension, mime_type, storage_key, size,
	created_by, created_by_role, used, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $11)
