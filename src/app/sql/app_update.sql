-- $1 tenant, $2 id, $3 name, $4 description, $5 icon type, $6 icon, $7 background, $8 site on,
-- $9 api on, $10 use icon, $11 max active, $12 account or NULL, $13 now.
UPDATE apps SET name = $3, description = $4, icon_type = $5, icon = $6, icon_background = $7,
	enable_site = $8, enable_api = $9, use_icon_as_answer_icon = $10, max_active_requests = $11,
	updated_by = COALESCE($12, updated_by), updated_ms = $13, version = version + 1
WHERE tenant_id = $1 AND id = $2
