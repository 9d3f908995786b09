-- $1 id, $2 tenant, $3 app, $4 version, $5 graph, $6 features, $7 environment, $8 conversation,
-- $9 dsl, $10 hash, $11 name, $12 comment, $13 account or NULL, $14 now.
INSERT INTO workflows (id, tenant_id, app_id, version, graph, features, environment_variables,
	conversation_variables, dsl, hash, marked_name, marked_comment, created_by, created_ms,
	updated_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)
