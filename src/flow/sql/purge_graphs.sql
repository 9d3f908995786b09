-- Graphs that no run refers to and that nobody is about to use.
-- $1 used before (ms), $2 graphs at most
DELETE FROM flow_graphs WHERE hash IN (
	SELECT hash FROM flow_graphs AS g WHERE used_at < $1
		AND NOT EXISTS (SELECT 1 FROM flow_runs AS r WHERE r.graph_hash = g.hash)
	ORDER BY used_at LIMIT $2)
