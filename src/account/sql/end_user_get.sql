-- $1 tenant, $2 app, $3 type, $4 session. Columns: id, session, external id, name, anonymous,
-- created, updated, type.
SELECT id, session_id, external_user_id, name, anonymous, created_ms, updated_ms, type
FROM end_users WHERE tenant_id = $1 AND app_id = $2 AND type = $3 AND session_id = $4
