-- Asks a running run to stop. An empty user means any.
-- $1 app, $2 task, $3 user
UPDATE flow_runs SET stop_asked = 1
WHERE task_id = $2 AND app_id = $1 AND status = 'running' AND ($3 = '' OR user_name = $3)
