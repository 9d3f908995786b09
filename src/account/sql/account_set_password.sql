-- $1 id, $2 hash, $3 now. An invited person becomes active.
UPDATE accounts SET password = $2, updated_ms = $3,
	initialized_ms = COALESCE(initialized_ms, $3),
	status = CASE WHEN status = 'pending' THEN 'active' ELSE status END
WHERE id = $1
