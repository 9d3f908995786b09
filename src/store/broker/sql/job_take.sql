-- Leases the best due job of a queue. One whose lease ran out at its last attempt becomes a dead
-- letter instead (state 2 is returned).
-- SQLite would take the index of states and sort all that waits.
-- $1 queue, $2 now, $3 lease token, $4 end of the lease
-- columns: id, payload, attempt, enqueued_at, state
UPDATE jobs SET
	state = CASE WHEN attempt >= attempts_max THEN 2 ELSE 1 END,
	lease = CASE WHEN attempt >= attempts_max THEN NULL ELSE $3 END,
	why = CASE WHEN attempt >= attempts_max THEN 'the lease of the last attempt ran out' ELSE why END,
	due_at = $4,
	attempt = CASE WHEN attempt >= attempts_max THEN attempt ELSE attempt + 1 END
WHERE id = (SELECT id FROM jobs INDEXED BY jobs_due WHERE queue = $1 AND state < 2 AND due_at <= $2
	ORDER BY priority DESC, due_at, id LIMIT 1)
RETURNING id, payload, attempt, enqueued_at, state
