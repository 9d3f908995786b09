-- Runs of an app, newest first. Empty texts and 0 mean any. Pages by offset, or after a run ($13).
-- $1 tenant, $2 app, $3 status, $4 from, $5 LIKE pattern, $6 keyword, $7 end user's session,
-- $8 account, $9 before, $10 after, $11 limit, $12 offset, $13 last id
SELECT id, task_id, tenant_id, app_id, workflow_id, app_mode, run_from, created_by,
	by_account, user_name, conversation_id, message_id, version, extra, status, error,
	inputs, outputs, elapsed, total_tokens, total_steps, exceptions, created_at,
	finished_at
FROM flow_runs
WHERE tenant_id = $1 AND app_id = $2 AND ($3 = '' OR status = $3) AND ($4 = '' OR run_from = $4)
	AND ($5 = '' OR inputs LIKE $5 OR outputs LIKE $5 OR user_name LIKE $5 OR id = $6)
	AND ($7 = '' OR (by_account = 0 AND user_name = $7)) AND ($8 = '' OR (by_account = 1 AND created_by = $8))
	AND (CAST($9 AS BIGINT) = 0 OR created_at <= CAST($9 AS BIGINT)) AND (CAST($10 AS BIGINT) = 0 OR created_at >= CAST($10 AS BIGINT))
	AND ($13 = '' OR created_at < (SELECT created_at FROM flow_runs WHERE id = $13 AND tenant_id = $1)
		OR (created_at = (SELECT created_at FROM flow_runs WHERE id = $13 AND tenant_id = $1) AND id < $13))
ORDER BY created_at DESC, id DESC LIMIT $11 OFFSET $12
