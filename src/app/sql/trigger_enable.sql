-- Switches a trigger; a schedule begins anew from now.
-- $1 tenant, $2 app, $3 id, $4 enabled, $5 next, $6 now
UPDATE triggers SET enabled = $4, next_at = $5, updated_at = $6
WHERE tenant_id = $1 AND app_id = $2 AND id = $3
