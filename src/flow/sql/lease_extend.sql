-- Longer leases for all running runs of a process; says which of them were asked to stop, and how
-- many of their forms are settled.
-- $1 owner, $2 until
-- columns: id, stop_asked, answers
UPDATE flow_runs SET lease_until = $2 WHERE lease_owner = $1 AND status = 'running'
RETURNING id, stop_asked, answers
