-- The holder lets go of a run that waits for people, unless one has answered meanwhile.
-- $1 id, $2 fence, $3 answers that the holder knows of, $4 elapsed, $5 tokens, $6 steps, $7 exceptions,
-- $8 what it waits for
UPDATE flow_runs SET status = 'paused', lease_owner = '', lease_until = 0, elapsed = $4, total_tokens = $5,
	total_steps = $6, exceptions = $7, result = $8
WHERE id = $1 AND fence = $2 AND status = 'running' AND answers = $3
