-- Forgets a small value.
-- $1 name
DELETE FROM broker_values WHERE name = $1
