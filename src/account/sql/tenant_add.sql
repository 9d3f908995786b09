-- A new workspace. $1 id, $2 name, $3 now.
INSERT INTO tenants (id, name, plan, status, created_ms, updated_ms)
VALUES ($1, $2, 'basic', 'normal', $3, $3)
