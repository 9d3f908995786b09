-- The last execution of a node.
-- $1 tenant, $2 app, $3 node, $4 run, $5 execution, $6 now
INSERT INTO draft_nodes (tenant_id, app_id, node_id, run_id, execution_id, saved_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (app_id, node_id) DO UPDATE SET run_id = excluded.run_id,
	execution_id = excluded.execution_id, saved_at = excluded.saved_at
