-- $1 id, $2 hash, $3 now. For an invited person who has none yet; a password is never replaced.
UPDATE accounts SET password = $2, updated_ms = $3,
	initialized_ms = COALESCE(initialized_ms, $3),
	status = CASE WHEN status = 'pending' THEN 'active' ELSE status END
WHERE id = $1 AND password IS NULL
