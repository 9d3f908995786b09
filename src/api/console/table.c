/* SPDX-License-Identifier: Apache-2.0 */
/* table: the routes of the console API. Saving a draft is the one call that takes any content type. */
#include "api/console/console.h"
#include "api/service/service.h"

#define API "/console/api"
#define APP API "/apps/{id:uuid}"
#define WORK API "/workspaces/current"
/* A provider is named by one segment, or by author/plugin/name. */
#define PROVIDER_1 WORK "/model-providers/{provider}"
#define PROVIDER_3 WORK "/model-providers/{author}/{plugin}/{provider}"
#define PROVIDER(method, tail, auth, ms, handler)                                                  \
	{ method, PROVIDER_1 tail, auth, ms, 0, handler, 0 },                                      \
	{ method, PROVIDER_3 tail, auth, ms, 0, handler, 0 }

enum {
	QUICK = 15000,
	SLOW = 120000,		 /* asks a model server, hashes a password, or runs */
	FILE_LIMIT = 24 << 20,	 /* an app file of 10 MiB as JSON text */
	GRAPH_LIMIT = 32 << 20,
};

static const struct route routes[] = {
	{ HTTP_GET, API "/setup", AUTH_NONE, QUICK, 0, console_setup_get, 0 },
	{ HTTP_POST, API "/setup", AUTH_NONE, SLOW, 0, console_setup_post, 0 },
	{ HTTP_GET, API "/init", AUTH_NONE, QUICK, 0, console_init_get, 0 },
	{ HTTP_POST, API "/init", AUTH_NONE, QUICK, 0, console_init_post, 0 },
	{ HTTP_GET, API "/ping", AUTH_NONE, QUICK, 0, console_ping, 0 },
	{ HTTP_GET, API "/version", AUTH_NONE, QUICK, 0, console_version, 0 },
	{ HTTP_GET, API "/system-features", AUTH_NONE, QUICK, 0, console_system_features, 0 },
	{ HTTP_GET, API "/features", AUTH_CONSOLE, QUICK, 0, console_features, 0 },

	{ HTTP_POST, API "/login", AUTH_NONE, SLOW, 0, console_login, 0 },
	{ HTTP_POST, API "/logout", AUTH_CONSOLE, QUICK, 0, console_logout, 0 },
	{ HTTP_GET, API "/logout", AUTH_CONSOLE, QUICK, 0, console_logout, 0 },
	{ HTTP_POST, API "/refresh-token", AUTH_NONE, QUICK, 0, console_refresh, 0 },
	{ HTTP_GET, API "/activate/check", AUTH_NONE, QUICK, 0, console_activate_check, 0 },
	{ HTTP_POST, API "/activate", AUTH_NONE, SLOW, 0, console_activate, 0 },

	{ HTTP_GET, API "/account/profile", AUTH_CONSOLE, QUICK, 0, console_profile, 0 },
	{ HTTP_POST, API "/account/name", AUTH_CONSOLE, QUICK, 0, console_account_name, 0 },
	{ HTTP_POST, API "/account/interface-language", AUTH_CONSOLE, QUICK, 0,
	  console_account_language, 0 },
	{ HTTP_POST, API "/account/interface-theme", AUTH_CONSOLE, QUICK, 0, console_account_theme, 0 },
	{ HTTP_POST, API "/account/timezone", AUTH_CONSOLE, QUICK, 0, console_account_timezone, 0 },
	{ HTTP_POST, API "/account/password", AUTH_CONSOLE, SLOW, 0, console_account_password, 0 },

	{ HTTP_GET, API "/workspaces", AUTH_CONSOLE, QUICK, 0, console_workspaces, 0 },
	{ HTTP_POST, WORK, AUTH_CONSOLE, QUICK, 0, console_workspace_current, 0 },
	{ HTTP_GET, WORK, AUTH_CONSOLE, QUICK, 0, console_workspace_current, 0 },
	{ HTTP_POST, API "/workspaces/info", AUTH_ADMIN, QUICK, 0, console_workspace_info, 0 },
	{ HTTP_POST, API "/workspaces/switch", AUTH_CONSOLE, QUICK, 0, console_workspace_switch, 0 },
	{ HTTP_GET, WORK "/members", AUTH_CONSOLE, QUICK, 0, console_members, 0 },
	{ HTTP_GET, WORK "/dataset-operators", AUTH_CONSOLE, QUICK, 0, console_operators, 0 },
	{ HTTP_POST, WORK "/members/invite-email", AUTH_ADMIN, QUICK, 0, console_invite, 0 },
	{ HTTP_PUT, WORK "/members/{member:uuid}/update-role", AUTH_ADMIN, QUICK, 0,
	  console_member_role, 0 },
	{ HTTP_DELETE, WORK "/members/{member:uuid}", AUTH_ADMIN, QUICK, 0, console_member_remove, 0 },

	{ HTTP_GET, API "/apps", AUTH_CONSOLE, QUICK, 0, console_apps, 0 },
	{ HTTP_POST, API "/apps", AUTH_EDITOR, QUICK, 0, console_app_create, 0 },
	{ HTTP_POST, API "/apps/imports", AUTH_EDITOR, SLOW, FILE_LIMIT, console_app_import, 0 },
	{ HTTP_POST, API "/apps/imports/{import}/confirm", AUTH_EDITOR, SLOW, 0, console_app_confirm,
	  0 },
	{ HTTP_GET, API "/apps/imports/{id:uuid}/check-dependencies", AUTH_EDITOR, QUICK, 0,
	  console_app_dependencies, 0 },
	{ HTTP_GET, APP, AUTH_CONSOLE, QUICK, 0, console_app_get, 0 },
	{ HTTP_PUT, APP, AUTH_EDITOR, QUICK, 0, console_app_update, 0 },
	{ HTTP_DELETE, APP, AUTH_EDITOR, QUICK, 0, console_app_remove, 0 },
	{ HTTP_POST, APP "/copy", AUTH_EDITOR, QUICK, 0, console_app_copy, 0 },
	{ HTTP_POST, APP "/name", AUTH_EDITOR, QUICK, 0, console_app_name, 0 },
	{ HTTP_POST, APP "/icon", AUTH_EDITOR, QUICK, 0, console_app_icon, 0 },
	{ HTTP_POST, APP "/site-enable", AUTH_EDITOR, QUICK, 0, console_app_site_enable, 0 },
	{ HTTP_POST, APP "/api-enable", AUTH_ADMIN, QUICK, 0, console_app_api_enable, 0 },
	{ HTTP_GET, APP "/export", AUTH_EDITOR, QUICK, 0, console_app_export, 0 },
	{ HTTP_POST, APP "/model-config", AUTH_EDITOR, QUICK, 0, console_app_config, 0 },
	{ HTTP_POST, APP "/site", AUTH_EDITOR, QUICK, 0, console_app_site, 0 },
	{ HTTP_POST, APP "/site/access-token-reset", AUTH_ADMIN, QUICK, 0, console_app_site_code, 0 },

	{ HTTP_GET, APP "/api-keys", AUTH_EDITOR, QUICK, 0, console_keys, 0 },
	{ HTTP_POST, APP "/api-keys", AUTH_EDITOR, QUICK, 0, console_key_create, 0 },
	{ HTTP_DELETE, APP "/api-keys/{key:uuid}", AUTH_EDITOR, QUICK, 0, console_key_remove, 0 },
	{ HTTP_GET, API "/datasets/api-keys", AUTH_EDITOR, QUICK, 0, console_dataset_keys, 0 },
	{ HTTP_POST, API "/datasets/api-keys", AUTH_ADMIN, QUICK, 0, console_dataset_key_create, 0 },
	{ HTTP_DELETE, API "/datasets/api-keys/{key:uuid}", AUTH_ADMIN, QUICK, 0,
	  console_dataset_key_remove, 0 },
	{ HTTP_GET, API "/datasets/api-base-info", AUTH_CONSOLE, QUICK, 0, console_dataset_base, 0 },

	{ HTTP_GET, APP "/workflows/draft", AUTH_EDITOR, QUICK, 0, console_draft_get, 0 },
	{ HTTP_POST, APP "/workflows/draft", AUTH_EDITOR, QUICK, GRAPH_LIMIT, console_draft_save,
	  ROUTE_BEACON },
	{ HTTP_GET, APP "/workflows/draft/environment-variables", AUTH_EDITOR, QUICK, 0,
	  console_draft_environment, 0 },
	{ HTTP_GET, APP "/workflows/publish", AUTH_EDITOR, QUICK, 0, console_publish_get, 0 },
	{ HTTP_POST, APP "/workflows/publish", AUTH_EDITOR, QUICK, 0, console_publish, 0 },
	{ HTTP_GET, APP "/workflows/triggers/webhook", AUTH_EDITOR, QUICK, 0, console_webhook, 0 },
	{ HTTP_GET, APP "/triggers", AUTH_CONSOLE, QUICK, 0, console_triggers, 0 },
	{ HTTP_POST, APP "/trigger-enable", AUTH_EDITOR, QUICK, 0, console_trigger_enable, 0 },
	{ HTTP_GET, APP "/workflows", AUTH_EDITOR, QUICK, 0, console_versions, 0 },
	{ HTTP_PATCH, APP "/workflows/{version:uuid}", AUTH_EDITOR, QUICK, 0, console_version_update,
	  0 },
	{ HTTP_DELETE, APP "/workflows/{version:uuid}", AUTH_EDITOR, QUICK, 0, console_version_remove,
	  0 },
	{ HTTP_GET, APP "/workflows/default-workflow-block-configs", AUTH_EDITOR, QUICK, 0,
	  console_blocks, 0 },
	{ HTTP_GET, APP "/workflows/default-workflow-block-configs/{type}", AUTH_EDITOR, QUICK, 0,
	  console_block, 0 },
	{ HTTP_POST, APP "/workflows/draft/run", AUTH_EDITOR, 0, 0, console_draft_run, 0 },
	{ HTTP_POST, APP "/advanced-chat/workflows/draft/run", AUTH_EDITOR, 0, 0, console_draft_chat,
	  0 },
	{ HTTP_POST, APP "/chat-messages", AUTH_EDITOR, 0, 0, console_debug_chat, 0 },
	{ HTTP_POST, APP "/completion-messages", AUTH_EDITOR, 0, 0, console_debug_completion, 0 },
	{ HTTP_POST, APP "/workflow-runs/tasks/{task}/stop", AUTH_EDITOR, QUICK, 0, console_stop, 0 },
	{ HTTP_POST, APP "/chat-messages/{task}/stop", AUTH_CONSOLE, QUICK, 0, console_stop, 0 },
	{ HTTP_POST, APP "/completion-messages/{task}/stop", AUTH_CONSOLE, QUICK, 0, console_stop, 0 },

	{ HTTP_GET, APP "/workflow-runs", AUTH_CONSOLE, QUICK, 0, console_runs, 0 },
	{ HTTP_GET, APP "/advanced-chat/workflow-runs", AUTH_CONSOLE, QUICK, 0, console_runs, 0 },
	{ HTTP_GET, APP "/workflow-runs/count", AUTH_CONSOLE, QUICK, 0, console_run_counts, 0 },
	{ HTTP_GET, APP "/advanced-chat/workflow-runs/count", AUTH_CONSOLE, QUICK, 0,
	  console_run_counts, 0 },
	{ HTTP_GET, APP "/workflow-runs/{run:uuid}", AUTH_CONSOLE, QUICK, 0, console_run, 0 },
	{ HTTP_GET, APP "/workflow-runs/{run:uuid}/node-executions", AUTH_CONSOLE, QUICK, 0,
	  console_run_nodes, 0 },
	{ HTTP_GET, APP "/human-input-forms", AUTH_CONSOLE, QUICK, 0, console_forms, 0 },
	{ HTTP_GET, API "/form/human_input/{form_token}", AUTH_CONSOLE, QUICK, 0, console_form_get, 0 },
	{ HTTP_POST, API "/form/human_input/{form_token}", AUTH_CONSOLE, QUICK, 0, console_form_post,
	  0 },
	{ HTTP_POST, APP "/workflow-runs/{run:uuid}/replay", AUTH_EDITOR, 0, 0, console_run_replay, 0 },
	{ HTTP_GET, APP "/workflow-runs/{run:uuid}/diff/{other:uuid}", AUTH_EDITOR, QUICK, 0,
	  console_run_diff, 0 },
	{ HTTP_GET, APP "/workflow-app-logs", AUTH_CONSOLE, QUICK, 0, console_app_logs, 0 },

	{ HTTP_GET, APP "/chat-conversations", AUTH_EDITOR, QUICK, 0, console_chats, 0 },
	{ HTTP_GET, APP "/chat-conversations/{conversation:uuid}", AUTH_EDITOR, QUICK, 0, console_chat,
	  0 },
	{ HTTP_DELETE, APP "/chat-conversations/{conversation:uuid}", AUTH_EDITOR, QUICK, 0,
	  console_chat_remove, 0 },
	{ HTTP_GET, APP "/completion-conversations", AUTH_EDITOR, QUICK, 0, console_completions, 0 },
	{ HTTP_GET, APP "/completion-conversations/{conversation:uuid}", AUTH_EDITOR, QUICK, 0,
	  console_completion, 0 },
	{ HTTP_DELETE, APP "/completion-conversations/{conversation:uuid}", AUTH_EDITOR, QUICK, 0,
	  console_chat_remove, 0 },
	{ HTTP_GET, APP "/chat-messages", AUTH_EDITOR, QUICK, 0, console_chat_messages, 0 },
	{ HTTP_GET, APP "/messages/{message:uuid}", AUTH_CONSOLE, QUICK, 0, console_message, 0 },
	{ HTTP_POST, APP "/feedbacks", AUTH_CONSOLE, QUICK, 0, console_feedback, 0 },
	{ HTTP_GET, APP "/chat-messages/{message:uuid}/suggested-questions", AUTH_CONSOLE, SLOW, 0,
	  console_suggest, 0 },
	{ HTTP_GET, APP "/conversation-variables", AUTH_CONSOLE, QUICK, 0,
	  console_conversation_variables, 0 },

	{ HTTP_POST, API "/files/upload", AUTH_EDITOR, 0, 0, upload_console_file, 0 },

	{ HTTP_GET, APP "/agent/logs", AUTH_CONSOLE, QUICK, 0, console_agent_log, 0 },
	{ HTTP_GET, WORK "/tool-providers", AUTH_CONSOLE, QUICK, 0, console_tool_providers, 0 },
	{ HTTP_GET, WORK "/tools/{kind}", AUTH_CONSOLE, QUICK, 0, console_tools_of_kind, 0 },
	{ HTTP_GET, WORK "/tool-provider/builtin/{provider}/icon", AUTH_NONE, QUICK, 0, console_tool_icon, 0 },

	{ HTTP_GET, WORK "/model-providers", AUTH_CONSOLE, QUICK, 0, console_providers, 0 },
	{ HTTP_GET, WORK "/models/model-types/{type}", AUTH_CONSOLE, QUICK, 0, console_models_of_type,
	  0 },
	{ HTTP_GET, WORK "/default-model", AUTH_CONSOLE, QUICK, 0, console_default_get, 0 },
	{ HTTP_POST, WORK "/default-model", AUTH_ADMIN, QUICK, 0, console_default_set, 0 },
	PROVIDER(HTTP_GET, "/credentials", AUTH_CONSOLE, QUICK, console_credentials_none),
	PROVIDER(HTTP_GET, "/models", AUTH_CONSOLE, QUICK, console_provider_models),
	PROVIDER(HTTP_DELETE, "/models", AUTH_ADMIN, QUICK, console_model_credentials_remove),
	PROVIDER(HTTP_GET, "/models/credentials", AUTH_CONSOLE, QUICK, console_model_credentials_get),
	PROVIDER(HTTP_POST, "/models/credentials", AUTH_ADMIN, SLOW, console_model_credentials_set),
	PROVIDER(HTTP_PUT, "/models/credentials", AUTH_ADMIN, SLOW, console_model_credentials_update),
	PROVIDER(HTTP_DELETE, "/models/credentials", AUTH_ADMIN, QUICK,
		 console_model_credentials_remove),
	PROVIDER(HTTP_POST, "/models/credentials/validate", AUTH_ADMIN, SLOW,
		 console_model_credentials_check),
	PROVIDER(HTTP_GET, "/models/parameter-rules", AUTH_CONSOLE, QUICK, console_parameter_rules),

	{ HTTP_GET, API "/tatara/status", AUTH_ADMIN, QUICK, 0, console_status, 0 },
	{ HTTP_GET, API "/tatara/models", AUTH_CONSOLE, QUICK, 0, console_models, 0 },
	{ HTTP_POST, API "/tatara/models", AUTH_ADMIN, SLOW, 0, console_model_set, 0 },
	{ HTTP_POST, API "/tatara/models/check", AUTH_ADMIN, SLOW, 0, console_model_check, 0 },
	{ HTTP_DELETE, API "/tatara/models/{model}", AUTH_ADMIN, QUICK, 0, console_model_remove, 0 },
};

const struct route_table console_routes = { "console", routes, countof(routes) };
