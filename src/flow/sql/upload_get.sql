-- One uploaded file of a workspace.
-- $1 tenant, $2 id
SELECT id, tenant_id, name, extension, mime_type, storage_key, size, created_by, created_by_role,
	used, created_at
FROM upload_files WHERE tenant_id = $1 AND id = $2
