-- Old fires: a time that is long past cannot come again.
-- $1 created before
DELETE FROM trigger_fires WHERE created_at < $1
