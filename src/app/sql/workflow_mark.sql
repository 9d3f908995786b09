-- $1 tenant, $2 app, $3 id, $4 name or NULL = keep, $5 comment or NULL, $6 account or NULL, $7 now.
UPDATE workflows SET marked_name = COALESCE($4, marked_name),
	marked_comment = COALESCE($5, marked_comment), updated_by = COALESCE($6, updated_by),
	updated_ms = $7
WHERE tenant_id = $1 AND app_id = $2 AND id = $3 AND version <> 'draft'
