-- Events of a run whose row is in the same batch.
-- $1 run, $2 first seq, $3 last seq, $4 lines
INSERT INTO flow_journal (run_id, first_seq, last_seq, lines) VALUES ($1, $2, $3, $4)
