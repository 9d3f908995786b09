-- $1 app, $2 new code, $3 now.
UPDATE sites SET code = $2, updated_ms = $3 WHERE app_id = $1
