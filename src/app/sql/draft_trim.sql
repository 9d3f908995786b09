-- Of a person's values of an app all but the newest.
-- $1 tenant, $2 app, $3 account, $4 how many stay
DELETE FROM draft_variables WHERE id IN (
	SELECT id FROM draft_variables WHERE tenant_id = $1 AND app_id = $2 AND account_id = $3
	ORDER BY saved_at DESC, place DESC LIMIT 100000 OFFSET $4)
