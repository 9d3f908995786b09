-- How many runs run_list would find in all.
-- $1 tenant, $2 app, $3 status, $4 from, $5 LIKE pattern, $6 keyword, $7 end user's session,
-- $8 account, $9 before, $10 after
SELECT count(*)
FROM flow_runs
WHERE tenant_id = $1 AND app_id = $2 AND ($3 = '' OR status = $3) AND ($4 = '' OR run_from = $4)
	AND ($5 = '' OR inputs LIKE $5 OR outputs LIKE $5 OR user_name LIKE $5 OR id = $6)
	AND ($7 = '' OR (by_account = 0 AND user_name = $7)) AND ($8 = '' OR (by_account = 1 AND created_by = $8))
	AND (CAST($9 AS BIGINT) = 0 OR created_at <= CAST($9 AS BIGINT)) AND (CAST($10 AS BIGINT) = 0 OR created_at >= CAST($10 AS BIGINT))
