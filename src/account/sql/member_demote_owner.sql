-- The owner of $1 tenant becomes an admin.
UPDATE tenant_members SET role = 'admin' WHERE tenant_id = $1 AND role = 'owner'
