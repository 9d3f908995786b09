-- Forgets a counter.
-- $1 name
DELETE FROM counters WHERE name = $1
