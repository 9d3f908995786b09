-- Runs whose holder is gone.
-- $1 now
-- columns: id, fence
SELECT id, fence FROM flow_runs WHERE status = 'running' AND lease_until < $1
ORDER BY lease_until LIMIT 20
