-- Removes locks that nobody held for long.
-- $1 a day ago
DELETE FROM broker_locks WHERE expires_at <= $1 AND fence <= $1
