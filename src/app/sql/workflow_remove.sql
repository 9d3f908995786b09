-- Not the draft, nor the one in use. $1 tenant, $2 app, $3 id.
DELETE FROM workflows
WHERE tenant_id = $1 AND app_id = $2 AND id = $3 AND version <> 'draft'
	AND NOT EXISTS (SELECT 1 FROM apps a WHERE a.id = $2 AND a.workflow_id = $3)
