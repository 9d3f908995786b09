-- Keeps a graph's text; a graph that is there stays.
-- $1 hash, $2 text
INSERT INTO flow_graphs (hash, graph) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING
