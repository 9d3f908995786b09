-- The apps whose messages use an upload. tenant, upload
SELECT DISTINCT app_id FROM message_files WHERE tenant_id = $1 AND upload_file_id = $2
