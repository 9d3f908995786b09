-- A schedule goes on to its next time, unless another process has moved it.
-- $1 tenant, $2 id, $3 time that fired, $4 next
UPDATE triggers SET next_at = $4 WHERE tenant_id = $1 AND id = $2 AND next_at = $3
