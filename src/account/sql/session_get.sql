-- $1 hash, $2 now. Columns: account_id.
SELECT account_id FROM sessions WHERE token_hash = $1 AND expires_ms > $2
