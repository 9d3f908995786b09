-- One run of a workspace. An empty app means any.
-- $1 tenant, $2 app, $3 id
SELECT r.id, r.task_id, r.tenant_id, r.app_id, r.workflow_id, r.app_mode, r.run_from, r.created_by,
	r.by_account, r.user_name, r.conversation_id, r.message_id, r.version, r.extra, r.status, r.error,
	r.inputs, r.outputs, r.elapsed, r.total_tokens, r.total_steps, r.exceptions, r.created_at,
	r.finished_at, g.graph
FROM flow_runs AS r LEFT JOIN flow_graphs AS g ON g.hash = r.graph_hash
WHERE r.tenant_id = $1 AND ($2 = '' OR r.app_id = $2) AND r.id = $3
