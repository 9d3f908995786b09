-- A generated name, unless somebody named it meanwhile. tenant, id, name
-- columns: id, when it was named
UPDATE conversations SET name = $3, named = 1 WHERE tenant_id = $1 AND id = $2 AND named = 0
RETURNING id
