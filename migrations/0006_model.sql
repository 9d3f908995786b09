-- SPDX-License-Identifier: Apache-2.0
-- Models that a workspace has set up, and which of them is used when an app names none.
-- key_sealed is opened only when a call is made; key_hint is what people may see of it.

CREATE TABLE model_records (
	id TEXT NOT NULL PRIMARY KEY,
	tenant_id TEXT NOT NULL,
	provider TEXT NOT NULL,
	name TEXT NOT NULL,
	type TEXT NOT NULL,
	base_url TEXT NOT NULL,
	key_sealed TEXT NOT NULL,
	key_hint TEXT NOT NULL,
	settings TEXT NOT NULL,
	enabled BIGINT NOT NULL,
	created_ms BIGINT NOT NULL,
	updated_ms BIGINT NOT NULL,
	UNIQUE (tenant_id, provider, name, type)
);

CREATE TABLE model_defaults (
	tenant_id TEXT NOT NULL,
	type TEXT NOT NULL,
	provider TEXT NOT NULL,
	name TEXT NOT NULL,
	PRIMARY KEY (tenant_id, type)
);
