-- Only while the draft still has the hash $4. $1 tenant, $2 app, $3 new hash, $5 graph, $6 features,
-- $7 environment, $8 conversation, $9 dsl or NULL = keep, $10 account or NULL, $11 now.
UPDATE workflows SET hash = $3, graph = $5, features = $6, environment_variables = $7,
	conversation_variables = $8, dsl = COALESCE($9, dsl), updated_by = COALESCE($10, updated_by),
	updated_ms = $11
WHERE tenant_id = $1 AND app_id = $2 AND version = 'draft' AND hash = $4
