-- Once for each time.
-- $1 app, $2 node, $3 time, $4 tenant, $5 run, $6 now
INSERT INTO trigger_fires (app_id, node_id, fire_at, tenant_id, run_id, created_at)
VALUES ($1, $2, $3, $4, $5, $6)
