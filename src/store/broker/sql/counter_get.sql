-- A counter that is not expired.
-- $1 name, $2 now
-- columns: value
SELECT value FROM counters WHERE name = $1 AND expires_at > $2
