-- $1 tenant, $2 id, $3 dsl.
UPDATE apps SET dsl = $3 WHERE tenant_id = $1 AND id = $2
