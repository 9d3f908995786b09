-- A new run, running or already at its end.
-- $1 id, $2 task, $3 tenant, $4 app, $5 workflow, $6 mode, $7 from, $8 creator, $9 by account,
-- $10 user, $11 conversation, $12 message, $13 version, $14 extra, $15 graph hash, $16 inputs,
-- $17 start, $18 status, $19 error, $20 outputs, $21 result, $22 elapsed, $23 tokens, $24 steps,
-- $25 exceptions, $26 created, $27 finished, $28 lease owner, $29 lease until
INSERT INTO flow_runs (id, task_id, tenant_id, app_id, workflow_id, app_mode, run_from, created_by,
	by_account, user_name, conversation_id, message_id, version, extra, graph_hash, inputs, start,
	status, error, outputs, result, elapsed, total_tokens, total_steps, exceptions, created_at,
	finished_at, lease_owner, lease_until, fence, stop_asked)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
	$21, $22, $23, $24, $25, $26, $27, $28, $29, 1, 0)
