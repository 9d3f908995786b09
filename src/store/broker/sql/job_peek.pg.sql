-- As job_peek; PostgreSQL takes no word about indexes.
SELECT queue, due_at FROM (
	SELECT * FROM (SELECT queue, priority, due_at FROM jobs WHERE queue = $2 AND state < 2 AND due_at <= $1 ORDER BY priority DESC, due_at, id LIMIT 1) AS a
	UNION ALL SELECT * FROM (SELECT queue, priority, due_at FROM jobs WHERE queue = $3 AND state < 2 AND due_at <= $1 ORDER BY priority DESC, due_at, id LIMIT 1) AS b
	UNION ALL SELECT * FROM (SELECT queue, priority, due_at FROM jobs WHERE queue = $4 AND state < 2 AND due_at <= $1 ORDER BY priority DESC, due_at, id LIMIT 1) AS c
	UNION ALL SELECT * FROM (SELECT queue, priority, due_at FROM jobs WHERE queue = $5 AND state < 2 AND due_at <= $1 ORDER BY priority DESC, due_at, id LIMIT 1) AS d
	UNION ALL SELECT * FROM (SELECT queue, priority, due_at FROM jobs WHERE queue = $6 AND state < 2 AND due_at <= $1 ORDER BY priority DESC, due_at, id LIMIT 1) AS e
	UNION ALL SELECT * FROM (SELECT queue, priority, due_at FROM jobs WHERE queue = $7 AND state < 2 AND due_at <= $1 ORDER BY priority DESC, due_at, id LIMIT 1) AS f
	UNION ALL SELECT * FROM (SELECT queue, priority, due_at FROM jobs WHERE queue = $8 AND state < 2 AND due_at <= $1 ORDER BY priority DESC, due_at, id LIMIT 1) AS g
	UNION ALL SELECT * FROM (SELECT queue, priority, due_at FROM jobs WHERE queue = $9 AND state < 2 AND due_at <= $1 ORDER BY priority DESC, due_at, id LIMIT 1) AS h
) AS best ORDER BY priority DESC, due_at
