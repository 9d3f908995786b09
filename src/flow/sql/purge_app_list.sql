-- Apps with more runs than are kept.
-- $1 runs that are kept
-- columns: tenant_id, app_id
SELECT tenant_id, app_id FROM flow_runs GROUP BY tenant_id, app_id HAVING count(*) > $1 LIMIT 100
