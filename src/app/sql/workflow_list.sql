-- The draft first, then the newest. $1 tenant, $2 app, $3 1 = named ones only, $4 limit, $5 offset.
-- Columns as workflow_draft.
SELECT id, tenant_id, app_id, version, graph, features, environment_variables,
	conversation_variables, dsl, hash, marked_name, marked_comment, created_by, updated_by,
	created_ms, updated_ms
FROM workflows
WHERE tenant_id = $1 AND app_id = $2 AND (CAST($3 AS BIGINT) = 0 OR marked_name <> '')
ORDER BY CASE WHEN version = 'draft' THEN 0 ELSE 1 END, created_ms DESC, version DESC, id
LIMIT $4 OFFSET $5
