-- A person with the current workspace. $1 id. Columns: account_columns of people.c.
SELECT a.id, a.name, a.email, a.avatar, a.interface_language, a.interface_theme, a.timezone,
	a.status, CASE WHEN a.password IS NULL THEN 0 ELSE 1 END, a.created_ms, a.last_login_ms,
	a.last_login_ip, a.last_active_ms, a.initialized_ms, t.id, t.name, m.role
FROM accounts a
LEFT JOIN tenant_members m ON m.account_id = a.id AND m.is_current = 1
LEFT JOIN tenants t ON t.id = m.tenant_id
WHERE a.id = $1
