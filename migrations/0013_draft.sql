-- What runs of drafts leave for the editor: values of variables, and which execution of a node was last.

-- One row a person, app and variable. node_id: a node's, "sys" or "conversation". value: JSON text, cut
-- for display when `whole` holds all of it; whole_bytes and length (items, -1 = none) tell of the whole.
-- run_id, execution_id: which execution gave it, or empty. place: order among those saved together.
CREATE TABLE draft_variables (
	id TEXT NOT NULL PRIMARY KEY,
	tenant_id TEXT NOT NULL,
	app_id TEXT NOT NULL,
	account_id TEXT NOT NULL,
	node_id TEXT NOT NULL,
	name TEXT NOT NULL,
	description TEXT NOT NULL,
	value_type TEXT NOT NULL,
	value TEXT NOT NULL,
	whole TEXT,
	whole_bytes BIGINT NOT NULL,
	length BIGINT NOT NULL,
	visible BIGINT NOT NULL,
	editable BIGINT NOT NULL,
	run_id TEXT NOT NULL,
	execution_id TEXT NOT NULL,
	edited_at BIGINT NOT NULL,
	saved_at BIGINT NOT NULL,
	place BIGINT NOT NULL
);
CREATE UNIQUE INDEX draft_variables_name ON draft_variables (app_id, account_id, node_id, name);
CREATE INDEX draft_variables_age ON draft_variables (saved_at);

-- The last execution of each node in a run of the draft, whoever started it.
CREATE TABLE draft_nodes (
	app_id TEXT NOT NULL,
	node_id TEXT NOT NULL,
	tenant_id TEXT NOT NULL,
	run_id TEXT NOT NULL,
	execution_id TEXT NOT NULL,
	saved_at BIGINT NOT NULL,
	PRIMARY KEY (app_id, node_id)
);
CREATE INDEX draft_nodes_age ON draft_nodes (saved_at);
