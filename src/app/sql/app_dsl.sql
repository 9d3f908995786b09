-- $1 tenant, $2 id. Columns: dsl.
SELECT dsl FROM apps WHERE tenant_id = $1 AND id = $2
