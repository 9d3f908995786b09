-- People, workspaces (tenants), sessions, keys, end users. E-mail addresses are lower case.
CREATE TABLE setups (
	id BIGINT NOT NULL PRIMARY KEY,
	version TEXT NOT NULL,
	setup_ms BIGINT NOT NULL
);

-- password NULL: nobody can sign in with one yet (invited, not activated). status: active, pending,
-- banned.
CREATE TABLE accounts (
	id TEXT NOT NULL PRIMARY KEY,
	email TEXT NOT NULL,
	name TEXT NOT NULL,
	password TEXT,
	avatar TEXT,
	interface_language TEXT NOT NULL,
	interface_theme TEXT NOT NULL,
	timezone TEXT NOT NULL,
	status TEXT NOT NULL,
	last_login_ms BIGINT,
	last_login_ip TEXT,
	last_active_ms BIGINT NOT NULL,
	initialized_ms BIGINT,
	created_ms BIGINT NOT NULL,
	updated_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX accounts_email ON accounts (email);

CREATE TABLE tenants (
	id TEXT NOT NULL PRIMARY KEY,
	name TEXT NOT NULL,
	plan TEXT NOT NULL,
	status TEXT NOT NULL,
	created_ms BIGINT NOT NULL,
	updated_ms BIGINT NOT NULL
);
CREATE INDEX tenants_created ON tenants (created_ms, id);

-- is_current: the workspace that the account works in now; at most one an account.
CREATE TABLE tenant_members (
	tenant_id TEXT NOT NULL,
	account_id TEXT NOT NULL,
	role TEXT NOT NULL,
	is_current BIGINT NOT NULL,
	created_ms BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, account_id)
);
CREATE INDEX tenant_members_account ON tenant_members (account_id);
CREATE UNIQUE INDEX tenant_members_owner ON tenant_members (tenant_id) WHERE role = 'owner';

-- Refresh tokens as sha256; the access tokens are signed and not stored.
CREATE TABLE sessions (
	token_hash TEXT NOT NULL PRIMARY KEY,
	account_id TEXT NOT NULL,
	expires_ms BIGINT NOT NULL,
	created_ms BIGINT NOT NULL
);
CREATE INDEX sessions_account ON sessions (account_id, expires_ms);

-- app_id is empty for keys of the knowledge API. The token itself is not stored.
CREATE TABLE api_keys (
	id TEXT NOT NULL PRIMARY KEY,
	tenant_id TEXT NOT NULL,
	app_id TEXT NOT NULL,
	type TEXT NOT NULL,
	token_hash TEXT NOT NULL,
	hint TEXT NOT NULL,
	last_used_ms BIGINT,
	created_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX api_keys_hash ON api_keys (token_hash);
CREATE INDEX api_keys_app ON api_keys (tenant_id, app_id, type, created_ms);

CREATE TABLE end_users (
	id TEXT NOT NULL PRIMARY KEY,
	tenant_id TEXT NOT NULL,
	app_id TEXT NOT NULL,
	type TEXT NOT NULL,
	session_id TEXT NOT NULL,
	external_user_id TEXT,
	name TEXT,
	anonymous BIGINT NOT NULL,
	created_ms BIGINT NOT NULL,
	updated_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX end_users_session ON end_users (app_id, type, session_id);
CREATE INDEX end_users_tenant ON end_users (tenant_id, app_id);
