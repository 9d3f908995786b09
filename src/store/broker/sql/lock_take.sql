-- Takes a lock that is free or expired; no row when it is held.
-- $1 name, $2 token, $3 now (also where fence starts), $4 end
-- columns: fence
INSERT INTO broker_locks (name, token, fence, expires_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (name) DO UPDATE SET token = excluded.token, expires_at = excluded.expires_at,
	fence = CASE WHEN broker_locks.fence >= excluded.fence THEN broker_locks.fence + 1 ELSE excluded.fence END
WHERE broker_locks.expires_at <= $3
RETURNING fence
