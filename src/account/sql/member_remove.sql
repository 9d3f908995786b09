-- $1 tenant, $2 account. Never the owner.
DELETE FROM tenant_members WHERE tenant_id = $1 AND account_id = $2 AND role <> 'owner'
