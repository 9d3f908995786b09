-- Sets a small value.
-- $1 name, $2 value, $3 end
INSERT INTO broker_values (name, value, expires_at) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at
