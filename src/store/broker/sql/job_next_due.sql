-- When the next job of a queue becomes due: one row, NULL when the queue is empty.
-- $1 queue
-- columns: due_at
SELECT min(due_at) FROM (
	SELECT * FROM (SELECT due_at FROM jobs WHERE queue = $1 AND state = 0 ORDER BY due_at LIMIT 1) AS a
	UNION ALL SELECT * FROM (SELECT due_at FROM jobs WHERE queue = $1 AND state = 1 ORDER BY due_at LIMIT 1) AS b
) AS next
