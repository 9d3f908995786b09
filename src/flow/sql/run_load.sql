-- All of a run for going on with it.
-- $1 id, $2 fence
-- columns: task_id tenant_id app_id workflow_id app_mode run_from created_by by_account user_name
-- conversation_id message_id extra graph_hash inputs start created_at stop_asked graph answers
SELECT r.task_id, r.tenant_id, r.app_id, r.workflow_id, r.app_mode, r.run_from, r.created_by,
	r.by_account, r.user_name, r.conversation_id, r.message_id, r.extra, r.graph_hash, r.inputs,
	r.start, r.created_at, r.stop_asked, g.graph, r.answers
FROM flow_runs AS r JOIN flow_graphs AS g ON g.hash = r.graph_hash
WHERE r.id = $1 AND r.fence = $2
