-- The workspaces of a person. $1 account. Columns: id, name, plan, status, created, role, current.
SELECT t.id, t.name, t.plan, t.status, t.created_ms, m.role, m.is_current
FROM tenants t JOIN tenant_members m ON m.tenant_id = t.id
WHERE m.account_id = $1 ORDER BY m.created_ms, t.id
