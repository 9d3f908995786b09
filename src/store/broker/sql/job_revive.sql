-- Dead letters back to life, with all attempts before them and without their key.
-- $1 queue, $2 now
UPDATE jobs SET state = 0, attempt = 0, due_at = $2, dedup_key = NULL, lease = NULL
WHERE queue = $1 AND state = 2
