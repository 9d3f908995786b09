-- The one answer of a form, or its end without one.
-- $1 id, $2 new state, $3 action, $4 data, $5 by, $6 now
UPDATE flow_forms SET state = $2, action = $3, data = $4, answered_by = $5, answered_at = $6
WHERE id = $1 AND state = 'waiting'
