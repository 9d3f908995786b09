-- Back to the queue, or dead after the last attempt; for the holder only. The key is given up when
-- another job with it waits by now.
-- $1 id, $2 lease token, $3 why, $4 due_at
UPDATE jobs SET
	state = CASE WHEN attempt >= attempts_max THEN 2 ELSE 0 END,
	lease = NULL,
	why = $3,
	due_at = $4,
	dedup_key = CASE WHEN EXISTS (SELECT 1 FROM jobs AS twin WHERE twin.queue = jobs.queue
		AND twin.dedup_key = jobs.dedup_key AND twin.state = 0) THEN NULL ELSE dedup_key END
WHERE id = $1 AND lease = $2 AND state = 1
