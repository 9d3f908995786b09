-- Where a run stands, for followers that know its id.
-- $1 run
-- columns: status, error, outputs, result, elapsed, total_tokens, total_steps, exceptions, finished_at, lease_owner
SELECT status, error, outputs, result, elapsed, total_tokens, total_steps, exceptions, finished_at,
	lease_owner
FROM flow_runs WHERE id = $1
