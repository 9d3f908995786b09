-- $1 tenant, $2 account, $3 role. Never touches the owner.
UPDATE tenant_members SET role = $3
WHERE tenant_id = $1 AND account_id = $2 AND role <> 'owner'
