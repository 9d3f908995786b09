-- $1 id; $2 name, $3 language, $4 theme, $5 timezone, $6 avatar: NULL keeps; $7 now.
UPDATE accounts SET name = COALESCE($2, name),
	interface_language = COALESCE($3, interface_language),
	interface_theme = COALESCE($4, interface_theme), timezone = COALESCE($5, timezone),
	avatar = COALESCE($6, avatar), updated_ms = $7
WHERE id = $1
