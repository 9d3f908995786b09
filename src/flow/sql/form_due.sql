-- Forms whose time is over.
-- $1 now
-- columns: id, run_id
SELECT id, run_id FROM flow_forms WHERE state = 'waiting' AND expires_at <= $1 ORDER BY expires_at LIMIT 100
