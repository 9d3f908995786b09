-- Queues, locks, values and counters of the broker.

-- state: 0 waits, 1 runs, 2 dead. due_at: when it may be taken; for a running job the end of its
-- lease, so that a job whose holder died is found by the same index.
CREATE TABLE jobs (
	id TEXT NOT NULL PRIMARY KEY,
	queue TEXT NOT NULL,
	dedup_key TEXT,
	payload TEXT NOT NULL,
	priority BIGINT NOT NULL,
	state BIGINT NOT NULL,
	due_at BIGINT NOT NULL,
	lease TEXT,
	attempt BIGINT NOT NULL,
	attempts_max BIGINT NOT NULL,
	enqueued_at BIGINT NOT NULL,
	why TEXT
);
CREATE INDEX jobs_due ON jobs (queue, priority DESC, due_at, id) WHERE state < 2;
CREATE INDEX jobs_state ON jobs (queue, state, due_at);
CREATE UNIQUE INDEX jobs_dedup ON jobs (queue, dedup_key) WHERE state = 0 AND dedup_key IS NOT NULL;

-- fence only grows for a name; a row whose time is over may go, because it starts at the clock.
CREATE TABLE broker_locks (
	name TEXT NOT NULL PRIMARY KEY,
	token TEXT NOT NULL,
	fence BIGINT NOT NULL,
	expires_at BIGINT NOT NULL
);
CREATE TABLE broker_values (
	name TEXT NOT NULL PRIMARY KEY,
	value BYTEA NOT NULL,
	expires_at BIGINT NOT NULL
);
CREATE INDEX broker_values_expiry ON broker_values (expires_at);
CREATE TABLE counters (
	name TEXT NOT NULL PRIMARY KEY,
	value BIGINT NOT NULL,
	expires_at BIGINT NOT NULL
);
CREATE INDEX counters_expiry ON counters (expires_at);
