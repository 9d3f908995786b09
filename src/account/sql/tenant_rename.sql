-- $1 tenant, $2 name, $3 now.
UPDATE tenants SET name = $2, updated_ms = $3 WHERE id = $1
