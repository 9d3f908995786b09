-- A longer lease, for the holder only.
-- $1 id, $2 lease token, $3 end of the lease
UPDATE jobs SET due_at = $3 WHERE id = $1 AND lease = $2 AND state = 1
