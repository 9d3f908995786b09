-- $1 tenant, $2 app, $3 id. Columns as end_user_get.
SELECT id, session_id, external_user_id, name, anonymous, created_ms, updated_ms, type
FROM end_users WHERE tenant_id = $1 AND app_id = $2 AND id = $3
