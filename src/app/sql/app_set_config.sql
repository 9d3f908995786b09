-- $1 tenant, $2 id, $3 config, $4 its new id, $5 account or NULL, $6 now.
UPDATE apps SET model_config = $3, model_config_id = $4, updated_by = COALESCE($5, updated_by),
	updated_ms = $6, version = version + 1
WHERE tenant_id = $1 AND id = $2
