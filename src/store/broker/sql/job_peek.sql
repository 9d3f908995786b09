-- The next due job of each of up to eight queues, best first.
-- SQLite would take the index of states and sort all that waits.
-- $1 now, $2..$9 queues (unused ones are '')
-- columns: queue, due_at
SELECT queue, due_at FROM (
	SELECT * FROM (SELECT queue, priority, due_at FROM jobs INDEXED BY jobs_due WHERE queue = $2 AND state < 2 AND due_at <= $1 ORDER BY priority DESC, due_at, id LIMIT 1) AS a
	UNION ALL SELECT * FROM (SELECT queue, priority, due_at FROM jobs INDEXED BY jobs_due WHERE queue = $3 AND state < 2 AND due_at <= $1 ORDER BY priority DESC, due_at, id LIMIT 1) AS b
	UNION ALL SELECT * FROM (SELECT queue, priority, due_at FROM jobs INDEXED BY jobs_due WHERE queue = $4 AND state < 2 AND due_at <= $1 ORDER BY priority DESC, due_at, id LIMIT 1) AS c
	UNION ALL SELECT * FROM (SELECT queue, priority, due_at FROM jobs INDEXED BY jobs_due WHERE queue = $5 AND state < 2 AND due_at <= $1 ORDER BY priority DESC, due_at, id LIMIT 1) AS d
	UNION ALL SELECT * FROM (SELECT queue, priority, due_at FROM jobs INDEXED BY jobs_due WHERE queue = $6 AND state < 2 AND due_at <= $1 ORDER BY priority DESC, due_at, id LIMIT 1) AS e
	UNION ALL SELECT * FROM (SELECT queue, priority, due_at FROM jobs INDEXED BY jobs_due WHERE queue = $7 AND state < 2 AND due_at <= $1 ORDER BY priority DESC, due_at, id LIMIT 1) AS f
	UNION ALL SELECT * FROM (SELECT queue, priority, due_at FROM jobs INDEXED BY jobs_due WHERE queue = $8 AND state < 2 AND due_at <= $1 ORDER BY priority DESC, due_at, id LIMIT 1) AS g
	UNION ALL SELECT * FROM (SELECT queue, priority, due_at FROM jobs INDEXED BY jobs_due WHERE queue = $9 AND state < 2 AND due_at <= $1 ORDER BY priority DESC, due_at, id LIMIT 1) AS h
) AS best ORDER BY priority DESC, due_at
