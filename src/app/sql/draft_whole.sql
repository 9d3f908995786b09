-- All of a value that is shown cut; whoever asks has a signed link.
-- $1 id
SELECT node_id, name, value_type, whole FROM draft_variables WHERE id = $1 AND whole IS NOT NULL
