-- The job is done and goes, for the holder only.
-- $1 id, $2 lease token
DELETE FROM jobs WHERE id = $1 AND lease = $2 AND state = 1
