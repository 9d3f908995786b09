-- Takes over a run whose lease is over, unless another process was quicker.
-- $1 id, $2 fence seen, $3 now, $4 new owner, $5 until
UPDATE flow_runs SET lease_owner = $4, lease_until = $5, fence = fence + 1
WHERE id = $1 AND fence = $2 AND status = 'running' AND lease_until < $3
