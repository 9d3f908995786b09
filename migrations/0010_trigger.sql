-- Triggers: what starts runs of published workflows from outside.

-- One row a trigger node of the app, kept in step with the published version. type: trigger-webhook,
-- trigger-schedule, trigger-plugin. webhook_id: the secret part of its address, or empty. next_at:
-- when a schedule fires next, 0 = never.
CREATE TABLE triggers (
	id TEXT NOT NULL PRIMARY KEY,
	tenant_id TEXT NOT NULL,
	app_id TEXT NOT NULL,
	node_id TEXT NOT NULL,
	type TEXT NOT NULL,
	title TEXT NOT NULL,
	provider TEXT NOT NULL,
	enabled BIGINT NOT NULL,
	webhook_id TEXT NOT NULL,
	next_at BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX triggers_node ON triggers (app_id, node_id);
CREATE UNIQUE INDEX triggers_webhook ON triggers (webhook_id) WHERE webhook_id <> '';
CREATE INDEX triggers_due ON triggers (next_at) WHERE next_at > 0;

-- A schedule fires once at a time, whoever does it: the row is written with the run.
CREATE TABLE trigger_fires (
	app_id TEXT NOT NULL,
	node_id TEXT NOT NULL,
	fire_at BIGINT NOT NULL,
	tenant_id TEXT NOT NULL,
	run_id TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (app_id, node_id, fire_at)
);
CREATE INDEX trigger_fires_age ON trigger_fires (created_at);

CREATE INDEX flow_runs_scheduled ON flow_runs (app_id) WHERE status = 'scheduled';
