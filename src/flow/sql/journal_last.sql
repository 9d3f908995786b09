-- The number of the last event of a run.
-- $1 run
SELECT MAX(last_seq) FROM flow_journal WHERE run_id = $1
