-- Runs of graphs, their journals, and files that people send into apps.

-- Graphs as they ran, by the SHA-256 of their text: recovery and the trace read them, so that a
-- draft may change while it runs.
CREATE TABLE flow_graphs (
	hash TEXT NOT NULL PRIMARY KEY,
	graph TEXT NOT NULL
);

-- status: running, then succeeded partial-succeeded failed stopped. fence grows at each take-over.
-- start: what recovery needs besides inputs, JSON. result: streamed answer, usage, citations, JSON.
CREATE TABLE flow_runs (
	id TEXT NOT NULL PRIMARY KEY,
	task_id TEXT NOT NULL,
	tenant_id TEXT NOT NULL,
	app_id TEXT NOT NULL,
	workflow_id TEXT NOT NULL,
	app_mode TEXT NOT NULL,
	run_from TEXT NOT NULL,
	created_by TEXT NOT NULL,
	by_account BIGINT NOT NULL,
	user_name TEXT NOT NULL,
	conversation_id TEXT NOT NULL,
	message_id TEXT NOT NULL,
	version TEXT NOT NULL,
	extra TEXT NOT NULL,
	graph_hash TEXT NOT NULL,
	inputs TEXT NOT NULL,
	start TEXT NOT NULL,
	status TEXT NOT NULL,
	error TEXT,
	outputs TEXT,
	result TEXT,
	elapsed DOUBLE PRECISION NOT NULL,
	total_tokens BIGINT NOT NULL,
	total_steps BIGINT NOT NULL,
	exceptions BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	finished_at BIGINT NOT NULL,
	lease_owner TEXT NOT NULL,
	lease_until BIGINT NOT NULL,
	fence BIGINT NOT NULL,
	stop_asked BIGINT NOT NULL
);
CREATE INDEX flow_runs_app ON flow_runs (tenant_id, app_id, created_at DESC);
CREATE INDEX flow_runs_lease ON flow_runs (lease_until) WHERE status = 'running';
CREATE INDEX flow_runs_task ON flow_runs (task_id);

-- One row = several events, one JSON object a line.
CREATE TABLE flow_journal (
	run_id TEXT NOT NULL,
	first_seq BIGINT NOT NULL,
	last_seq BIGINT NOT NULL,
	lines TEXT NOT NULL,
	PRIMARY KEY (run_id, first_seq)
);

CREATE TABLE upload_files (
	id TEXT NOT NULL PRIMARY KEY,
	tenant_id TEXT NOT NULL,
	app_id TEXT NOT NULL,
	name TEXT NOT NULL,
	extension TEXT NOT NULL,
	mime_type TEXT NOT NULL,
	storage_key TEXT NOT NULL,
	size BIGINT NOT NULL,
	created_by TEXT NOT NULL,
	created_by_role TEXT NOT NULL,
	used BIGINT NOT NULL,
	created_at BIGINT NOT NULL
);
CREATE INDEX upload_files_tenant ON upload_files (tenant_id, created_at);
