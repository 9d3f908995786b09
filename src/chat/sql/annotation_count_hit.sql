-- tenant, app, id
UPDATE annotations SET hit_count = hit_count + 1
WHERE tenant_id = $1 AND app_id = $2 AND id = $3
