-- Frees a lock, for the holder only; the row stays for its fence.
-- $1 name, $2 token
UPDATE broker_locks SET expires_at = 0 WHERE name = $1 AND token = $2
