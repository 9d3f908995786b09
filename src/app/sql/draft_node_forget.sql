-- Last executions of nodes from long ago.
-- $1 before
DELETE FROM draft_nodes WHERE saved_at < $1
