-- For taking one run over.
-- $1 id
-- columns: fence, status
SELECT fence, status FROM flow_runs WHERE id = $1
