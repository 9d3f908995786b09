-- $1 account without a current workspace gets its oldest one.
UPDATE tenant_members SET is_current = 1
WHERE account_id = $1
	AND NOT EXISTS (SELECT 1 FROM tenant_members o WHERE o.account_id = $1 AND o.is_current = 1)
	AND tenant_id = (SELECT p.tenant_id FROM tenant_members p WHERE p.account_id = $1
		ORDER BY p.created_ms, p.tenant_id LIMIT 1)
