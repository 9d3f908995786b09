-- All values of an app that goes.
-- $1 tenant, $2 app
DELETE FROM draft_variables WHERE tenant_id = $1 AND app_id = $2
