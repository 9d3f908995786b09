-- $1 id, $2 tenant, $3 name, $4 description, $5 mode, $6 icon type, $7 icon, $8 background,
-- $9 model config or NULL, $10 its id or NULL, $11 dsl, $12 use icon, $13 account or NULL, $14 now.
INSERT INTO apps (id, tenant_id, name, description, mode, icon_type, icon, icon_background,
	model_config, model_config_id, dsl, enable_site, enable_api, use_icon_as_answer_icon,
	max_active_requests, created_by, updated_by, created_ms, updated_ms, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, 1, $12, 0, $13, $13, $14, $14, 1)
