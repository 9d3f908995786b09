-- The oldest workspace. No parameters. Columns: id.
SELECT id FROM tenants ORDER BY created_ms, id LIMIT 1
