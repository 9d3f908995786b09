-- The end of a run, by its holder only.
-- $1 id, $2 fence, $3 status, $4 error, $5 outputs, $6 result, $7 elapsed, $8 tokens, $9 steps,
-- $10 exceptions, $11 finished
UPDATE flow_runs SET status = $3, error = $4, outputs = $5, result = $6, elapsed = $7,
	total_tokens = $8, total_steps = $9, exceptions = $10, finished_at = $11
WHERE id = $1 AND fence = $2 AND status = 'running'
