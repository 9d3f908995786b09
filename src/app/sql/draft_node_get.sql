-- The last execution of a node.
-- $1 tenant, $2 app, $3 node
SELECT run_id, execution_id FROM draft_nodes WHERE tenant_id = $1 AND app_id = $2 AND node_id = $3
