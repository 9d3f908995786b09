-- Forms of the oldest finished runs; the same runs as purge_runs with the same parameters.
-- $1 finished before (ms), $2 runs at most
DELETE FROM flow_forms WHERE run_id IN (
	SELECT id FROM flow_runs WHERE finished_at > 0 AND finished_at < $1
	ORDER BY finished_at, id LIMIT $2)
