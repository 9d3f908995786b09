-- Whose an upload is; the caller has checked a signature over its id. upload
SELECT tenant_id FROM upload_files WHERE id = $1
