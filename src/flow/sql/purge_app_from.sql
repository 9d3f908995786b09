-- The newest run of an app that is one too many.
-- $1 tenant, $2 app, $3 runs that are kept
-- columns: created_at
SELECT created_at FROM flow_runs WHERE tenant_id = $1 AND app_id = $2
ORDER BY created_at DESC LIMIT 1 OFFSET $3
