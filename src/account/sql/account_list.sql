-- The members of $1 tenant, owner first. Columns as account_get.
SELECT a.id, a.name, a.email, a.avatar, a.interface_language, a.interface_theme, a.timezone,
	a.status, CASE WHEN a.password IS NULL THEN 0 ELSE 1 END, a.created_ms, a.last_login_ms,
	a.last_login_ip, a.last_active_ms, a.initialized_ms, t.id, t.name, m.role
FROM tenants t
JOIN tenant_members m ON m.tenant_id = t.id
JOIN accounts a ON a.id = m.account_id
WHERE t.id = $1 ORDER BY CASE WHEN m.role = 'owner' THEN 0 ELSE 1 END, m.created_ms, a.id
