-- Events after a place.
-- $1 run, $2 after seq
-- columns: first_seq, last_seq, lines
SELECT first_seq, last_seq, lines FROM flow_journal WHERE run_id = $1 AND last_seq > $2
ORDER BY first_seq LIMIT 48
