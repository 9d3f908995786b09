-- Forgets values of a person: one ($4), those of a node ($5), or all of the app (both empty).
-- $1 tenant, $2 app, $3 account, $4 id, $5 node
DELETE FROM draft_variables WHERE tenant_id = $1 AND app_id = $2 AND account_id = $3
	AND ($4 = '' OR id = $4) AND ($5 = '' OR node_id = $5)
