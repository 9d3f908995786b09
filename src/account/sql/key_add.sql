-- At most $8 keys a type and app. $1 id, $2 tenant, $3 app or '', $4 type, $5 hash, $6 hint, $7 now.
INSERT INTO api_keys (id, tenant_id, app_id, type, token_hash, hint, created_ms)
SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT),
	CAST($5 AS TEXT), CAST($6 AS TEXT), CAST($7 AS BIGINT)
WHERE (SELECT COUNT(*) FROM api_keys k
	WHERE k.tenant_id = $2 AND k.app_id = $3 AND k.type = $4) < CAST($8 AS BIGINT)
