-- A worker starts a run that was stored for it.
-- $1 id, $2 fence seen, $3 owner, $4 until
UPDATE flow_runs SET status = 'running', lease_owner = $3, lease_until = $4, fence = fence + 1
WHERE id = $1 AND fence = $2 AND status = 'scheduled'
