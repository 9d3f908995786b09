-- A trigger whose node is gone.
-- $1 tenant, $2 id
DELETE FROM triggers WHERE tenant_id = $1 AND id = $2
