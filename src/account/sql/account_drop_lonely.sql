-- Removes $1 account when it belongs to no workspace any more.
DELETE FROM accounts WHERE id = $1
	AND NOT EXISTS (SELECT 1 FROM tenant_members m WHERE m.account_id = $1)
