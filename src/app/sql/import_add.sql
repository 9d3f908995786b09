-- $1 id, $2 tenant, $3 account, $4 request JSON, $5 expires.
INSERT INTO app_imports (id, tenant_id, account_id, request, expires_ms)
VALUES ($1, $2, $3, $4, $5)
