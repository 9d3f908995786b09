-- Marks a file as used by an app.
-- $1 tenant, $2 id
UPDATE upload_files SET used = 1 WHERE tenant_id = $1 AND id = $2 AND used = 0
