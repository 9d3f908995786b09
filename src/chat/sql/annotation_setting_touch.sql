-- What is held of the app's vectors is old now. tenant, app
UPDATE annotation_settings SET version = version + 1 WHERE tenant_id = $1 AND app_id = $2
