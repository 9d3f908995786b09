-- Removes what is expired.
-- $1 now
DELETE FROM counters WHERE expires_at <= $1
