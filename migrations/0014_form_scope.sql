-- Forms of nodes inside iterations and loops.

-- scope: which element or round asks, as the lines of the journal name it; empty outside of containers.
ALTER TABLE flow_forms ADD COLUMN scope TEXT NOT NULL DEFAULT '';
