-- $1 hash, $2 account, $3 expires, $4 now.
INSERT INTO sessions (token_hash, account_id, expires_ms, created_ms) VALUES ($1, $2, $3, $4)
