-- $1 tenant, $2 app, $3 id. Columns as workflow_draft.
SELECT id, tenant_id, app_id, version, graph, features, environment_variables,
	conversation_variables, dsl, hash, marked_name, marked_comment, created_by, updated_by,
	created_ms, updated_ms
FROM workflows
WHERE tenant_id = $1 AND app_id = $2 AND id = $3
