-- All of $1 account: after a new password, or when it leaves.
DELETE FROM sessions WHERE account_id = $1
