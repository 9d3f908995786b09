-- Keeps a graph's text; of a graph that is there only the time changes.
-- $1 hash, $2 text, $3 now (ms)
INSERT INTO flow_graphs (hash, graph, used_at) VALUES ($1, $2, $3)
ON CONFLICT (hash) DO UPDATE SET used_at = excluded.used_at
