-- $1 now.
DELETE FROM app_imports WHERE expires_ms <= $1
