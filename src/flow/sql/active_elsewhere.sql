-- Running runs of an app that other processes hold.
-- $1 app, $2 own owner name
-- columns: count
SELECT count(*) FROM flow_runs WHERE status = 'running' AND app_id = $1 AND lease_owner <> $2
