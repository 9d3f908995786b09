-- $1 id, $2 email, $3 name, $4 password or NULL, $5 language, $6 timezone, $7 status, $8 now,
-- $9 initialized or NULL.
INSERT INTO accounts (id, email, name, password, interface_language, interface_theme, timezone,
	status, last_active_ms, initialized_ms, created_ms, updated_ms)
VALUES ($1, $2, $3, $4, $5, 'light', $6, $7, $8, $9, $8, $8)
