-- What a run was started with, for running it again.
-- $1 tenant, $2 id
-- columns: tenant_id app_id workflow_id app_mode user_name conversation_id graph_hash inputs start graph
SELECT r.tenant_id, r.app_id, r.workflow_id, r.app_mode, r.user_name, r.conversation_id, r.graph_hash,
	r.inputs, r.start, g.graph
FROM flow_runs AS r JOIN flow_graphs AS g ON g.hash = r.graph_hash
WHERE r.tenant_id = $1 AND r.id = $2
