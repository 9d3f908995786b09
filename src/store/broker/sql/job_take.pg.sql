-- As job_take, past the rows that another taker holds at this moment.
WITH best AS (SELECT id FROM jobs WHERE queue = $1 AND state < 2 AND due_at <= $2
	ORDER BY priority DESC, due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
UPDATE jobs SET
	state = CASE WHEN attempt >= attempts_max THEN 2 ELSE 1 END,
	lease = CASE WHEN attempt >= attempts_max THEN NULL ELSE $3 END,
	why = CASE WHEN attempt >= attempts_max THEN 'the lease of the last attempt ran out' ELSE why END,
	due_at = $4,
	attempt = CASE WHEN attempt >= attempts_max THEN attempt ELSE attempt + 1 END
FROM best WHERE jobs.id = best.id
RETURNING jobs.id, jobs.payload, jobs.attempt, jobs.enqueued_at, jobs.state
