/* SPDX-License-Identifier: Apache-2.0 */
/*
 * console: what the files of the console API share. Handlers answer in the recorded forms
 * (golden/console); each has one row in table.c.
 */
#pragma once
#include "account/account.h"
#include "api/api.h"
#include "api/api_int.h"
#include "app/app.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

struct flow_record;

/* --- reading (shape.c) --- */
/* The app of the first path parameter, in the account's workspace, into call->app. */
status need_app(struct call *) NODISCARD;
/* As need_app, for apps with a workflow. */
status need_graph_app(struct call *) NODISCARD;
/* Member of the body as text: required, with min..max characters. 400 invalid_param. */
status need_text(struct call *, struct str name, size_t min, size_t max, struct str *out) NODISCARD;
/* The same when it is there; absent or null leaves *out as it is. */
status take_text(struct call *, struct str name, size_t max, struct str *out) NODISCARD;
status take_bool(struct call *, struct str name, bool *out) NODISCARD;
/* The body as JSON whatever its content type says: the editor saves with a beacon. */
status body_any_type(struct call *) NODISCARD;
/* page (from 1) and limit (1..100). */
status need_page(struct call *, int64_t limit_default, int64_t *page, int64_t *limit) NODISCARD;

/* --- shapes (shape.c) --- */
/* Seconds, or null for 0. */
void put_time(struct arena *, struct json *, struct str name, int64_t ms);
/* A text, or null when empty. */
void put_text(struct arena *, struct json *, struct str name, struct str);
/* {"id","name","email"} or null; *out lives in the call's memory. */
status person_json(struct call *, struct str account_id, struct json **out) NODISCARD;
/* {"id","type","is_anonymous","session_id"} or null. */
status visitor_json(struct call *, struct str app_id, struct str end_user_id, struct json **out) NODISCARD;
struct json *page_json(struct arena *, int64_t page, int64_t limit, int64_t total);
/* Addresses without a slash at the end: of the console API, of pages, of the Service API. */
struct str api_url(struct call *);
struct str web_url(struct call *);
struct str service_url(struct call *);
/* {"code","message"} and the like, with a status. */
status reply_pair(struct call *, int code, const char *a, const char *value_a, const char *b,
		  struct str value_b) NODISCARD;

/* --- apps (app_shape.c) --- */
struct json *app_json(struct call *, const struct app *);
status app_detail_json(struct call *, const struct app *, struct json **out) NODISCARD;
status app_row_json(struct call *, const struct app *, struct json **out) NODISCARD;

/* --- runs --- */
struct flow_info;
/* A row of flow_run_nodes as pages get it: shortened, with people's names (runs.c). */
status console_node_json(struct call *, const struct flow_info *, struct json *node, struct json **out) NODISCARD;
/* What a run from the editor keeps of who started it (draft_run.c). */
status console_run_extra(struct call *, struct json **extra, struct json **person) NODISCARD;

struct workflow;
/* The draft from a trigger node on, with what the trigger gives; streams the run (draft_run.c). */
status console_draft_run_from(struct call *, struct workflow *, struct str node_id, const struct json *inputs) NODISCARD;
/* What has come for a trigger node of the draft; *inputs NULL: nothing yet (trigger_run.c). */
status console_trigger_poll(struct call *, const struct workflow *, struct str node_id, struct json **inputs) NODISCARD;
status console_trigger_waiting(struct call *) NODISCARD;

/* --- sessions (session.c) --- */
struct tokens;
void session_cookies(struct call *, const struct tokens *, bool csrf_first);

/* --- handlers --- */
status console_setup_get(struct call *), console_setup_post(struct call *),
	console_init_get(struct call *), console_init_post(struct call *),
	console_ping(struct call *), console_version(struct call *), console_features(struct call *),
	console_system_features(struct call *);
status console_login(struct call *), console_logout(struct call *), console_refresh(struct call *),
	console_activate_check(struct call *), console_activate(struct call *);
status console_profile(struct call *), console_account_name(struct call *),
	console_account_language(struct call *), console_account_theme(struct call *),
	console_account_timezone(struct call *), console_account_password(struct call *);
status console_workspaces(struct call *), console_workspace_current(struct call *),
	console_workspace_info(struct call *), console_workspace_switch(struct call *),
	console_members(struct call *), console_operators(struct call *), console_invite(struct call *),
	console_member_role(struct call *), console_member_remove(struct call *);
status console_apps(struct call *), console_app_create(struct call *), console_app_get(struct call *),
	console_app_update(struct call *), console_app_remove(struct call *),
	console_app_copy(struct call *), console_app_name(struct call *),
	console_app_icon(struct call *), console_app_site_enable(struct call *),
	console_app_api_enable(struct call *), console_app_import(struct call *),
	console_app_confirm(struct call *), console_app_dependencies(struct call *),
	console_app_export(struct call *), console_app_config(struct call *),
	console_app_site(struct call *), console_app_site_code(struct call *);
status console_keys(struct call *), console_key_create(struct call *),
	console_key_remove(struct call *), console_dataset_keys(struct call *),
	console_dataset_key_create(struct call *), console_dataset_key_remove(struct call *),
	console_dataset_base(struct call *);
status console_draft_get(struct call *), console_draft_save(struct call *),
	console_publish_get(struct call *), console_publish(struct call *),
	console_versions(struct call *), console_version_update(struct call *),
	console_version_remove(struct call *), console_blocks(struct call *),
	console_block(struct call *), console_draft_environment(struct call *);
status console_draft_run(struct call *), console_draft_chat(struct call *),
	console_debug_chat(struct call *), console_debug_completion(struct call *),
	console_stop(struct call *);
status console_node_run(struct call *), console_iteration_run(struct call *),
	console_loop_run(struct call *), console_node_last_run(struct call *),
	console_node_inputs(struct call *);
status console_trigger_run(struct call *), console_trigger_run_all(struct call *),
	console_trigger_node_run(struct call *);
status console_draft_variables(struct call *), console_draft_variables_remove(struct call *),
	console_draft_node_variables(struct call *), console_draft_node_remove(struct call *),
	console_draft_system_variables(struct call *), console_draft_conversation_variables(struct call *),
	console_draft_variable(struct call *), console_draft_variable_update(struct call *),
	console_draft_variable_remove(struct call *), console_draft_variable_reset(struct call *);
status console_runs(struct call *), console_run_counts(struct call *), console_run(struct call *),
	console_run_nodes(struct call *), console_app_logs(struct call *),
	console_run_replay(struct call *), console_run_diff(struct call *);
status console_chats(struct call *), console_chat(struct call *), console_chat_remove(struct call *),
	console_chat_messages(struct call *), console_message(struct call *),
	console_feedback(struct call *), console_completions(struct call *),
	console_mcp_add(struct call *), console_mcp_update(struct call *), console_mcp_remove(struct call *),
	console_mcp_auth(struct call *), console_mcp_get(struct call *), console_mcp_refresh(struct call *),
	console_audio_to_text(struct call *), console_text_to_audio(struct call *), console_voices(struct call *),
	console_completion(struct call *), console_suggest(struct call *),
	console_conversation_variables(struct call *);
status console_api_tool_add(struct call *), console_api_tool_update(struct call *),
	console_api_tool_remove(struct call *), console_api_tool_get(struct call *),
	console_api_tool_tools(struct call *), console_api_tool_schema(struct call *),
	console_api_tool_remote(struct call *), console_api_tool_try(struct call *);
status console_workflow_tool_add(struct call *), console_workflow_tool_update(struct call *),
	console_workflow_tool_remove(struct call *), console_workflow_tool_get(struct call *),
	console_workflow_tool_tools(struct call *);
status console_agent_log(struct call *), console_tool_providers(struct call *),
	console_tools_of_kind(struct call *), console_tool_icon(struct call *);
status console_providers(struct call *), console_provider_models(struct call *),
	console_models_of_type(struct call *), console_credentials_none(struct call *),
	console_model_credentials_get(struct call *), console_model_credentials_set(struct call *),
	console_model_credentials_update(struct call *), console_model_credentials_remove(struct call *),
	console_model_credentials_check(struct call *), console_parameter_rules(struct call *),
	console_default_get(struct call *), console_default_set(struct call *);
status console_status(struct call *), console_models(struct call *), console_model_set(struct call *),
	console_model_remove(struct call *), console_model_check(struct call *);
status console_webhook(struct call *), console_triggers(struct call *),
	console_trigger_enable(struct call *);
status console_run_events(struct call *);
