-- Adds to a counter; an absent or expired one starts anew with the given life.
-- $1 name, $2 delta, $3 end of a new one, $4 now
-- columns: value
INSERT INTO counters (name, value, expires_at) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET
	value = CASE WHEN counters.expires_at <= $4 THEN excluded.value ELSE counters.value + excluded.value END,
	expires_at = CASE WHEN counters.expires_at <= $4 THEN excluded.expires_at ELSE counters.expires_at END
RETURNING value
