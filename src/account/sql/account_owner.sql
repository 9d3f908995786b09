-- The owner of $1 tenant, with that workspace as the current one. Columns as account_get.
SELECT a.id, a.name, a.email, a.avatar, a.interface_language, a.interface_theme, a.timezone,
	a.status, CASE WHEN a.password IS NULL THEN 0 ELSE 1 END, a.created_ms, a.last_login_ms,
	a.last_login_ip, a.last_active_ms, a.initialized_ms, t.id, t.name, m.role
FROM tenants t
JOIN tenant_members m ON m.tenant_id = t.id AND m.role = 'owner'
JOIN accounts a ON a.id = m.account_id
WHERE t.id = $1
