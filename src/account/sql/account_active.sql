-- $1 id, $2 now.
UPDATE accounts SET last_active_ms = $2 WHERE id = $1
