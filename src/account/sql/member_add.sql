-- $1 tenant, $2 account, $3 role, $4 now. The first workspace of a person is the current one.
INSERT INTO tenant_members (tenant_id, account_id, role, is_current, created_ms)
SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT),
	CASE WHEN EXISTS (SELECT 1 FROM tenant_members o WHERE o.account_id = $2 AND o.is_current = 1)
		THEN 0 ELSE 1 END, CAST($4 AS BIGINT)
