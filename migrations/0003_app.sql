-- Apps, their workflow versions, web-app sites, and app files that wait for a confirmation.

-- model_config: JSON of easy apps (chat, agent-chat, completion). dsl: JSON with what an imported
-- app file held beyond what we know, so that an export gives it back. version grows with every change.
CREATE TABLE apps (
	id TEXT NOT NULL PRIMARY KEY,
	tenant_id TEXT NOT NULL,
	name TEXT NOT NULL,
	description TEXT NOT NULL,
	mode TEXT NOT NULL,
	icon_type TEXT NOT NULL,
	icon TEXT NOT NULL,
	icon_background TEXT NOT NULL,
	workflow_id TEXT,
	model_config TEXT,
	model_config_id TEXT,
	dsl TEXT NOT NULL,
	enable_site BIGINT NOT NULL,
	enable_api BIGINT NOT NULL,
	use_icon_as_answer_icon BIGINT NOT NULL,
	max_active_requests BIGINT NOT NULL,
	created_by TEXT,
	updated_by TEXT,
	created_ms BIGINT NOT NULL,
	updated_ms BIGINT NOT NULL,
	version BIGINT NOT NULL
);
CREATE INDEX apps_tenant ON apps (tenant_id, created_ms, id);

-- version: 'draft' or the time of publishing. Secrets among the environment variables are sealed.
-- dsl: unknown keys of the workflow block.
CREATE TABLE workflows (
	id TEXT NOT NULL PRIMARY KEY,
	tenant_id TEXT NOT NULL,
	app_id TEXT NOT NULL,
	version TEXT NOT NULL,
	graph TEXT NOT NULL,
	features TEXT NOT NULL,
	environment_variables TEXT NOT NULL,
	conversation_variables TEXT NOT NULL,
	dsl TEXT NOT NULL,
	hash TEXT NOT NULL,
	marked_name TEXT NOT NULL,
	marked_comment TEXT NOT NULL,
	created_by TEXT,
	updated_by TEXT,
	created_ms BIGINT NOT NULL,
	updated_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX workflows_draft ON workflows (app_id) WHERE version = 'draft';
CREATE INDEX workflows_app ON workflows (tenant_id, app_id, version);

CREATE TABLE sites (
	app_id TEXT NOT NULL PRIMARY KEY,
	tenant_id TEXT NOT NULL,
	code TEXT NOT NULL,
	title TEXT NOT NULL,
	icon_type TEXT NOT NULL,
	icon TEXT NOT NULL,
	icon_background TEXT NOT NULL,
	description TEXT,
	default_language TEXT NOT NULL,
	chat_color_theme TEXT,
	copyright TEXT,
	privacy_policy TEXT,
	custom_disclaimer TEXT NOT NULL,
	input_placeholder TEXT,
	chat_color_theme_inverted BIGINT NOT NULL,
	show_workflow_steps BIGINT NOT NULL,
	use_icon_as_answer_icon BIGINT NOT NULL,
	prompt_public BIGINT NOT NULL,
	created_ms BIGINT NOT NULL,
	updated_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX sites_code ON sites (code);

CREATE TABLE app_imports (
	id TEXT NOT NULL PRIMARY KEY,
	tenant_id TEXT NOT NULL,
	account_id TEXT NOT NULL,
	request TEXT NOT NULL,
	expires_ms BIGINT NOT NULL
);
CREATE INDEX app_imports_expires ON app_imports (expires_ms);
