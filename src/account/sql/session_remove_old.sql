-- Expired ones of $1 account; $2 now.
DELETE FROM sessions WHERE account_id = $1 AND expires_ms <= $2
