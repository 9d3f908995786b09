-- Nobody needs the forms of a run that has ended.
-- $1 run, $2 now
UPDATE flow_forms SET state = 'closed', answered_at = $2 WHERE run_id = $1 AND state = 'waiting'
