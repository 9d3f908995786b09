-- Graphs that no run refers to any more are deleted.

-- used_at: when a run was last stored with it (ms), to about an hour: processes that know a graph to be
-- there do not write it again for that long.
ALTER TABLE flow_graphs ADD COLUMN used_at BIGINT NOT NULL DEFAULT 0;
UPDATE flow_graphs SET used_at = (SELECT coalesce(max(created_at), 0) FROM flow_runs);
CREATE INDEX flow_graphs_used ON flow_graphs (used_at);
CREATE INDEX flow_runs_graph ON flow_runs (graph_hash);
