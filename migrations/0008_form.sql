-- Runs that wait for people: their forms, and runs that wait for a worker.

-- answers: how many forms of the run have been settled. A holder may pause the run only while it
-- knows all of them, so that an answer that comes at the same moment is not lost.
-- status knows two more words: paused (nobody holds the run; forms wait) and scheduled (stored, a
-- worker will start it).
ALTER TABLE flow_runs ADD COLUMN answers BIGINT NOT NULL DEFAULT 0;

-- state: waiting, then once and for good submitted, expired or closed (the run has ended).
-- definition: what the page shows, JSON. data: the checked values, JSON.
CREATE TABLE flow_forms (
	id TEXT NOT NULL PRIMARY KEY,
	token TEXT NOT NULL,
	tenant_id TEXT NOT NULL,
	app_id TEXT NOT NULL,
	run_id TEXT NOT NULL,
	node_id TEXT NOT NULL,
	state TEXT NOT NULL,
	definition TEXT NOT NULL,
	action TEXT NOT NULL,
	data TEXT NOT NULL,
	answered_by TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	answered_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX flow_forms_token ON flow_forms (token);
CREATE INDEX flow_forms_run ON flow_forms (run_id);
CREATE INDEX flow_forms_due ON flow_forms (expires_at) WHERE state = 'waiting';
CREATE INDEX flow_forms_app ON flow_forms (tenant_id, app_id, created_at);
