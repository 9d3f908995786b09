-- The published version. $1 tenant, $2 id, $3 workflow, $4 now.
UPDATE apps SET workflow_id = $3, updated_ms = $4, version = version + 1
WHERE tenant_id = $1 AND id = $2
