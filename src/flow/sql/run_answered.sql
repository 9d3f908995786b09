-- A form of the run was settled: a paused run may be taken by any process at once.
-- $1 run
UPDATE flow_runs SET answers = answers + 1,
	lease_until = CASE WHEN status = 'paused' THEN 0 ELSE lease_until END,
	status = CASE WHEN status = 'paused' THEN 'running' ELSE status END
WHERE id = $1 AND status IN ('running', 'paused')
