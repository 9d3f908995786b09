-- The oldest finished runs of one app: flow_forms. The same runs in all three statements.
-- $1 tenant, $2 app, $3 created at or before (ms), $4 runs at most
DELETE FROM flow_forms WHERE run_id IN (
	SELECT id FROM flow_runs WHERE tenant_id = $1 AND app_id = $2 AND created_at <= $3
		AND finished_at > 0
	ORDER BY created_at, id LIMIT $4)
