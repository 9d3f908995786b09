-- $1 hash.
DELETE FROM sessions WHERE token_hash = $1
