-- Values that nobody has made anew since; a batch.
-- $1 before, $2 most
DELETE FROM draft_variables WHERE id IN (
	SELECT id FROM draft_variables WHERE saved_at < $1 ORDER BY saved_at LIMIT $2)
