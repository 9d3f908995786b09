-- How many values a person has of an app.
-- $1 tenant, $2 app, $3 account
SELECT COUNT(*) FROM draft_variables WHERE tenant_id = $1 AND app_id = $2 AND account_id = $3
