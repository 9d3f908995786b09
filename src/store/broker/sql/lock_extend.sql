-- A longer life, for the holder whose time is not over.
-- $1 name, $2 token, $3 end, $4 now
UPDATE broker_locks SET expires_at = $3 WHERE name = $1 AND token = $2 AND expires_at > $4
