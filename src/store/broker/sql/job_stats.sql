-- Counts of a queue.
-- $1 queue, $2 now
-- columns: waiting, running, delayed, dead, oldest enqueued_at of those that wait
SELECT
	sum(CASE WHEN state = 0 AND due_at <= $2 THEN 1 ELSE 0 END),
	sum(CASE WHEN state = 1 THEN 1 ELSE 0 END),
	sum(CASE WHEN state = 0 AND due_at > $2 THEN 1 ELSE 0 END),
	sum(CASE WHEN state = 2 THEN 1 ELSE 0 END),
	min(CASE WHEN state = 0 THEN enqueued_at END)
FROM jobs WHERE queue = $1
