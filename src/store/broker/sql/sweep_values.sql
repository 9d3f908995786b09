-- Removes what is expired.
-- $1 now
DELETE FROM broker_values WHERE expires_at <= $1
