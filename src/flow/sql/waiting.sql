-- How many runs of an app wait for a worker, counted up to a limit.
-- $1 app, $2 limit
-- columns: count
SELECT count(*) FROM (SELECT 1 FROM flow_runs WHERE status = 'scheduled' AND app_id = $1 LIMIT $2) AS w
