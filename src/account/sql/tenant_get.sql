-- One workspace as a member sees it. $1 tenant, $2 account. Columns as tenant_list.
SELECT t.id, t.name, t.plan, t.status, t.created_ms, m.role, m.is_current
FROM tenants t JOIN tenant_members m ON m.tenant_id = t.id
WHERE t.id = $1 AND m.account_id = $2
