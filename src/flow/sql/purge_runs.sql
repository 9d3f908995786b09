-- Oldest finished runs.
-- $1 finished before (ms), $2 runs at most
DELETE FROM flow_runs WHERE id IN (
	SELECT id FROM flow_runs WHERE finished_at > 0 AND finished_at < $1
	ORDER BY finished_at, id LIMIT $2)
