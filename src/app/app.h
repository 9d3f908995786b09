/* SPDX-License-Identifier: Apache-2.0 */
/* app: apps, their drafts and versions, publishing, import and export of app files. */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;
struct config;
struct db;
struct json;
struct apps;

struct apps_options {
	struct db *db;
	const struct config *config;
	const unsigned char *seal_key; /* secret environment variables */
	struct client *client;	       /* yaml-url imports, guarded; may be NULL */
};
status apps_open(const struct apps_options *, struct apps **out) NODISCARD;
void apps_close(struct apps *);
/* Imports look for the tools that a file names. */
struct tools;
void apps_use_tools(struct apps *, struct tools *);

struct app {
	struct str id, tenant_id, name, description, mode; /* chat agent-chat completion workflow advanced-chat */
	struct str icon_type, icon, icon_background;
	struct str workflow_id;		/* published version, empty = none */
	struct str created_by, updated_by, site_code;
	bool enable_site, enable_api, use_icon_as_answer_icon;
	int64_t max_active_requests, created_ms, updated_ms;
	struct json *model_config;	/* easy apps: the object of workflow.md 1.8, else NULL */
	struct str model_config_id;
	int64_t version;		/* grows with every change: cache key */
	/* Of the published version, for lists. */
	struct str workflow_created_by, workflow_updated_by;
	int64_t workflow_created_ms, workflow_updated_ms;
};
struct app_new {
	struct str name, mode, description, icon_type, icon, icon_background, created_by;
	const struct json *model_config; /* NULL = the default of the mode */
};
/* What a new easy app of this mode starts with; workflow modes have none (NULL). */
struct json *app_default_model_config(struct arena *, struct str mode, struct str provider, struct str model);
/* Fills the members that every model config has; unknown ones stay. */
struct json *app_full_model_config(struct arena *, const struct json *config);
bool app_mode_valid(struct str mode);
bool app_mode_is_graph(struct str mode); /* workflow, advanced-chat */
status app_create(struct apps *, struct arena *, struct str tenant_id, const struct app_new *, struct app **out) NODISCARD;
/* ERR_NOT_FOUND also for another workspace's. Cached for a moment: hot path of every API call. */
status app_get(struct apps *, struct arena *, struct str tenant_id, struct str id, struct app **out) NODISCARD;
status app_by_site_code(struct apps *, struct arena *, struct str code, struct app **out) NODISCARD;
struct app_list {
	struct str mode, name, created_by; /* filters, empty = all */
	int64_t page, limit;
};
status app_list(struct apps *, struct arena *, struct str tenant_id, const struct app_list *, struct app **out, size_t *n, int64_t *total) NODISCARD;
status app_update(struct apps *, struct arena *, const struct app *) NODISCARD; /* all plain fields */
status app_set_model_config(struct apps *, struct arena *, struct str tenant_id, struct str app_id, const struct json *config, struct str account_id) NODISCARD;
status app_remove(struct apps *, struct arena *, struct str tenant_id, struct str id) NODISCARD;

struct workflow {
	struct str id, tenant_id, app_id, version; /* "draft" or a time text */
	struct str hash, marked_name, marked_comment, created_by, updated_by;
	struct json *graph, *features;		   /* as imported, unknown keys kept */
	struct json *environment_variables;	   /* secrets in plain; export hides them */
	struct json *conversation_variables;
	struct json *extra; /* unknown keys of the workflow block of an app file, or NULL */
	int64_t created_ms, updated_ms;
};
status workflow_draft(struct apps *, struct arena *, struct str tenant_id, struct str app_id, struct workflow **out) NODISCARD;
/* Secrets given as WORKFLOW_SECRET_KEEP or all stars keep their value. NULL members keep theirs.
 * hash: of the draft the editor had; 409 draft_workflow_not_sync when stale. */
status workflow_save_draft(struct apps *, struct arena *, struct str tenant_id, struct str app_id, const struct workflow *, struct str hash, struct str account_id, struct workflow **out) NODISCARD;
#define WORKFLOW_SECRET_KEEP "[__HIDDEN__]"
#define WORKFLOW_SECRET_MASK "********************"
/* sha256 of graph and features, the same for equal trees. */
struct str workflow_hash(struct arena *, const struct json *graph, const struct json *features);
status workflow_publish(struct apps *, struct arena *, struct str tenant_id, struct str app_id, struct str name, struct str comment, struct str account_id, struct workflow **out) NODISCARD;
/* The published version of the app (cached by id), or ERR_NOT_FOUND. */
status workflow_published(struct apps *, struct arena *, const struct app *, struct workflow **out) NODISCARD;
status workflow_by_id(struct apps *, struct arena *, struct str tenant_id, struct str app_id, struct str id, struct workflow **out) NODISCARD;
/* The draft first, then the newest; named: only those with a name. */
status workflow_versions(struct apps *, struct arena *, struct str tenant_id, struct str app_id, bool named, int64_t page, int64_t limit, struct workflow **out, size_t *n, bool *more) NODISCARD;
/* at == NULL keeps. ERR_NOT_FOUND for the draft. */
status workflow_mark(struct apps *, struct str tenant_id, struct str app_id, struct str id, struct str name, struct str comment, struct str account_id) NODISCARD;
/* ERR_BAD_REQUEST for the draft and the version in use. */
status workflow_remove(struct apps *, struct str tenant_id, struct str app_id, struct str id) NODISCARD;

/* --- app files (workflow.md 1) --- */
/* The version we write and report, and the newest one we read without asking back. */
#define DSL_VERSION "0.5.0"
#define DSL_VERSION_NEWEST "0.6.0"
enum { DSL_SIZE_MAX = 10 << 20 };
/*
 * What of an app file will not run here, and why: an array of {severity, code, node_id, field,
 * message}. severity "error": runs are refused or fail there; "warning": a part does not work; "note":
 * worth knowing. Never a reason to refuse an import.
 */
struct json *dsl_report(struct arena *, const struct json *file);
/* The messages of a report's errors and warnings. */
struct json *dsl_warnings(struct arena *, const struct json *report);
/* The report of a text that may be an app file: one error when it is none. */
status app_lint(struct arena *, struct str yaml, struct json **report) NODISCARD;
/* The text behind a yaml-url, guarded; the error says what went wrong. */
status app_import_fetch(struct apps *, struct arena *, struct str url, struct str *yaml) NODISCARD;
struct import_result {
	struct str id, status, app_id, app_mode, current_dsl_version, imported_dsl_version, error;
	struct json *report;   /* of dsl_report, empty when nothing was imported */
	struct json *warnings; /* its errors and warnings as texts */
};
struct import_request {
	struct str yaml, name, description, icon_type, icon, icon_background, app_id; /* app_id: overwrite */
	struct str tenant_id, account_id;
};
/* A file that cannot be imported is a result with status "failed", not a failure. */
status app_import(struct apps *, struct arena *, const struct import_request *, struct import_result *out) NODISCARD;
status app_import_confirm(struct apps *, struct arena *, struct str tenant_id, struct str account_id, struct str import_id, struct import_result *out) NODISCARD;
status app_export(struct apps *, struct arena *, struct str tenant_id, struct str app_id, bool secrets, struct str *yaml) NODISCARD;

/* --- site of the web app --- */
struct site {
	struct str app_id, code, title, icon_type, icon, icon_background, description, default_language;
	struct str chat_color_theme, copyright, privacy_policy, custom_disclaimer, input_placeholder;
	bool chat_color_theme_inverted, show_workflow_steps, use_icon_as_answer_icon, prompt_public;
	int64_t created_ms, updated_ms;
};
/* The caller has the app of its workspace already. */
status site_get(struct apps *, struct arena *, struct str app_id, struct site **out) NODISCARD;
status site_update(struct apps *, struct arena *, const struct site *) NODISCARD;
status site_reset_code(struct apps *, struct arena *, struct str app_id, struct str *code) NODISCARD;
