-- Nobody needs the answer any more.
-- $1 id, $2 now
UPDATE flow_forms SET state = 'closed', answered_at = $2 WHERE id = $1 AND state = 'waiting'
