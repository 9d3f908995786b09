-- Gives a run back: any process may take it at once.
-- $1 id, $2 fence
UPDATE flow_runs SET lease_until = 0 WHERE id = $1 AND fence = $2 AND status = 'running'
