-- Events of a run, by its holder only: no row is written when the fence has moved on.
-- $1 run, $2 first seq, $3 last seq, $4 lines, $5 fence
INSERT INTO flow_journal (run_id, first_seq, last_seq, lines)
SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS TEXT) FROM flow_runs
WHERE id = $1 AND fence = $5 AND status = 'running'
