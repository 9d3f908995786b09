-- Has a run that this process holds got answers?
-- $1 id, $2 fence
-- columns: answers
SELECT answers FROM flow_runs WHERE id = $1 AND fence = $2 AND status = 'running'
