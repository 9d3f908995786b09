-- $1 id, $2 now, $3 ip.
UPDATE accounts SET last_login_ms = $2, last_login_ip = $3, last_active_ms = $2 WHERE id = $1
