-- Retention deletes the oldest finished runs in batches.
CREATE INDEX flow_runs_finished ON flow_runs (finished_at, id);
