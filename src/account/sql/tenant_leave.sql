-- No workspace is the current one of $1 account.
UPDATE tenant_members SET is_current = 0 WHERE account_id = $1 AND is_current = 1
