-- Nothing when another request made it meanwhile. $1 id, $2 tenant, $3 app, $4 type, $5 session,
-- $6 anonymous, $7 now.
INSERT INTO end_users (id, tenant_id, app_id, type, session_id, external_user_id, anonymous,
	created_ms, updated_ms)
VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $7)
ON CONFLICT (app_id, type, session_id) DO NOTHING
