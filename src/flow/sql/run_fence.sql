-- For taking one run over, or beginning it.
-- $1 id
-- columns: fence, status, tenant_id, app_id
SELECT fence, status, tenant_id, app_id FROM flow_runs WHERE id = $1
