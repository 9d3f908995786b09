-- Asks a run to stop. An empty user means any. A paused or scheduled run is held by nobody: it
-- becomes one whose lease is over, so that a process takes it and ends it.
-- $1 app, $2 task, $3 user
-- columns: id, lease_until
UPDATE flow_runs SET stop_asked = 1,
	lease_until = CASE WHEN status = 'running' THEN lease_until ELSE 0 END, status = 'running'
WHERE task_id = $2 AND app_id = $1 AND status IN ('running', 'paused', 'scheduled')
	AND ($3 = '' OR user_name = $3)
RETURNING id, lease_until
