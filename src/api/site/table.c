/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table: the web app's API (/api): what a public chat page calls. The passport says app and user;
 * handlers are those of the Service API where the two agree.
 */
#include "account/account.h"
#include "api/service/service.h"
#include "app/app.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/id.h"

enum { PAGE_DEFAULT = 20, PAGE_MAX = 100, QUICK_MS = 30000, MODEL_MS = 120000, SOUND_MS = 600000 };

static status not_there(void)
{
	return err_set(
		ERR_NOT_FOUND,
		"The requested URL was not found on the server. If you entered the URL manually "
		"please check your spelling and try again.");
}

static status get_passport(struct call *c)
{
	struct str code = http_header(c->http, S("X-App-Code")),
		   session = http_query(c->http, S("user_id"));
	struct end_user *user;
	if (!code.len)
		return err_set(ERR_UNAUTHORIZED, "X-App-Code header is missing.");
	if (app_by_site_code(c->s->apps, c->mem, code, &c->app))
		return err_code() == ERR_NOT_FOUND ? not_there() : -1;
	if (!c->app->enable_site)
		return not_there();
	if (!session.len)
		session = id_uuid(c->mem);
	if (end_user_get(c->s->accounts, c->mem, c->app->tenant_id, c->app->id, S("browser"),
			 session, &user))
		return -1;
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("access_token"),
		     passport_make(c->s->accounts, c->mem, c->app->id, code, user->id));
	return reply_plain(c, 200, o);
}

static status get_site(struct call *c)
{
	struct json *site, *o = json_obj(c->mem);
	if (shape_site(c, true, &site))
		return -1;
	json_set_str(c->mem, o, S("app_id"), c->app->id);
	json_set_str(c->mem, o, S("end_user_id"), c->end_user->id);
	json_set_bool(c->mem, o, S("enable_site"), c->app->enable_site);
	json_set(c->mem, o, S("site"), site);
	json_set_null(c->mem, o, S("model_config"));
	json_set_str(c->mem, o, S("plan"), S("basic"));
	json_set_bool(c->mem, o, S("can_replace_logo"), false);
	json_set_null(c->mem, o, S("custom_config"));
	return reply_json(c, 200, o);
}

static status get_access_mode(struct call *c)
{
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("accessMode"), S("public"));
	return reply_json(c, 200, o);
}

static status get_permission(struct call *c)
{
	struct json *o = json_obj(c->mem);
	json_set_bool(c->mem, o, S("result"), true);
	return reply_json(c, 200, o);
}

static status get_login_status(struct call *c)
{
	struct json *o = json_obj(c->mem);
	struct str token = http_header(c->http, S("X-App-Passport")), app_id, code, user_id;
	bool known = token.len &&
		     !passport_open(c->s->accounts, c->mem, token, &app_id, &code, &user_id);
	json_set_bool(c->mem, o, S("logged_in"), true); /* public pages need no sign-in */
	json_set_bool(c->mem, o, S("app_logged_in"), known);
	json_set_bool(c->mem, o, S("console_logged_in"), false);
	return reply_json(c, 200, o);
}

/* What an installation without enterprise parts offers; constant, so written as it is sent. */
static const char features[] =
	"{\"sso_enforced_for_signin\":false,\"sso_enforced_for_signin_protocol\":\"\","
	"\"enable_marketplace\":false,\"max_plugin_package_size\":52428800,"
	"\"enable_email_code_login\":false,\"enable_email_password_login\":true,"
	"\"enable_social_oauth_login\":false,\"is_allow_register\":false,"
	"\"is_allow_create_workspace\":false,\"is_email_setup\":false,"
	"\"license\":{\"status\":\"none\",\"expired_at\":\"\","
	"\"workspaces\":{\"enabled\":false,\"size\":0,\"limit\":0}},"
	"\"branding\":{\"enabled\":false,\"application_title\":\"\",\"login_page_logo\":\"\","
	"\"workspace_logo\":\"\",\"favicon\":\"\"},"
	"\"webapp_auth\":{\"enabled\":false,\"allow_sso\":false,\"sso_config\":{\"protocol\":\"\"},"
	"\"allow_email_code_login\":false,\"allow_email_password_login\":false},"
	"\"plugin_installation_permission\":{\"plugin_installation_scope\":\"all\","
	"\"restrict_to_marketplace_only\":false},\"enable_change_email\":true,"
	"\"plugin_manager\":{\"enabled\":false},\"trial_models\":[],\"enable_trial_app\":false,"
	"\"enable_explore_banner\":false}";

static status get_system_features(struct call *c)
{
	return reply_json(c, 200, json_raw(c->mem, str_c(features)));
}

static status get_conversations(struct call *c)
{
	struct str pinned = http_query(c->http, S("pinned"));
	bool only = false;
	if (pinned.len && str_to_bool(pinned, &only))
		return err_set(ERR_INVALID, "pinned: Input should be a valid boolean");
	return talk_conversations(c, pinned.len ? only : -1);
}

static status delete_conversation(struct call *c)
{
	if (need_chat_app(c))
		return -1;
	struct chat_scope scope = call_scope(c);
	if (conversation_remove(c->s->chats, c->mem, &scope, c->param[0]))
		return -1;
	return reply_empty(c, 204);
}

static status set_pin(struct call *c, bool pinned)
{
	if (need_chat_app(c))
		return -1;
	struct chat_scope scope = call_scope(c);
	if (conversation_pin(c->s->chats, c->mem, &scope, c->param[0], pinned))
		return -1;
	return reply_ok(c);
}

static status pin(struct call *c)
{
	return set_pin(c, true);
}

static status unpin(struct call *c)
{
	return set_pin(c, false);
}

static status get_suggested(struct call *c)
{
	struct json *data, *o = json_obj(c->mem);
	if (talk_suggested(c, &data))
		return err_code() == ERR_NOT_FOUND ? err_set(ERR_NOT_FOUND, "Message not found")
						   : -1;
	json_set(c->mem, o, S("data"), data);
	return reply_json(c, 200, o);
}

static status post_workflow(struct call *c)
{
	return run_workflow(c, (struct str){0});
}

static status get_more_like_this(struct call *c)
{
	struct message *m;
	struct str mode = http_query(c->http, S("response_mode"));
	if (need_completion_app(c))
		return -1;
	if (!str_eq(mode, S("blocking")) && !str_eq(mode, S("streaming")))
		return err_set(ERR_INVALID,
			       "response_mode: Input should be 'blocking' or 'streaming'");
	struct chat_scope scope = call_scope(c);
	if (message_get(c->s->chats, c->mem, &scope, c->param[0], &m))
		return -1;
	return run_more_like_this(c, m, str_eq(mode, S("streaming")));
}

static struct json *shape_saved(struct call *c, const struct message *m)
{
	static const struct str kept[] = {
		S_INIT("id"),        S_INIT("inputs"),        S_INIT("query"),
		S_INIT("answer"),    S_INIT("message_files"), S_INIT("feedback"),
		S_INIT("created_at")};
	struct json *all = shape_message(c, m), *o = json_obj(c->mem);
	for (size_t i = 0; i < countof(kept); i++)
		json_set(c->mem, o, kept[i], json_get(all, kept[i]));
	return o;
}

static status get_saved(struct call *c)
{
	struct str last_id;
	int64_t limit;
	struct message *rows;
	size_t n;
	bool more;
	if (need_completion_app(c) || query_uuid(c, S("last_id"), false, &last_id) ||
	    call_query_int(c, S("limit"), PAGE_DEFAULT, 1, PAGE_MAX, &limit))
		return -1;
	struct chat_scope scope = call_scope(c);
	if (saved_list(c->s->chats, c->mem, &scope, last_id, limit, &rows, &n, &more))
		return -1;
	struct json *data = json_arr(c->mem);
	for (size_t i = 0; i < n; i++)
		json_push(c->mem, data, shape_saved(c, &rows[i]));
	return reply_json(c, 200, shape_page(c->mem, limit, more, data));
}

static status post_saved(struct call *c)
{
	struct str id;
	if (need_body_user(c, false) || need_completion_app(c) ||
	    body_text(c, S("message_id"), &id))
		return -1;
	if (!id_is_uuid(id))
		return err_set(ERR_INVALID, "message_id must be a valid UUID");
	struct chat_scope scope = call_scope(c);
	return saved_add(c->s->chats, c->mem, &scope, id) ? -1 : reply_ok(c);
}

static status delete_saved(struct call *c)
{
	if (need_completion_app(c))
		return -1;
	struct chat_scope scope = call_scope(c);
	return saved_remove(c->s->chats, c->mem, &scope, c->param[0]) ? -1 : reply_empty(c, 204);
}

#define PASS AUTH_PASSPORT
/* clang-format off: one operation a line */
static const struct route routes[] = {
	{ HTTP_GET, "/api/passport", AUTH_NONE, QUICK_MS, 0, get_passport, 0 },
	{ HTTP_GET, "/api/webapp/access-mode", AUTH_NONE, QUICK_MS, 0, get_access_mode, 0 },
	{ HTTP_GET, "/api/webapp/permission", AUTH_NONE, QUICK_MS, 0, get_permission, 0 },
	{ HTTP_GET, "/api/system-features", AUTH_NONE, QUICK_MS, 0, get_system_features, 0 },
	{ HTTP_GET, "/api/login/status", AUTH_NONE, QUICK_MS, 0, get_login_status, 0 },
	{ HTTP_GET, "/api/site", PASS, QUICK_MS, 0, get_site, 0 },
	{ HTTP_GET, "/api/parameters", PASS, QUICK_MS, 0, service_parameters, 0 },
	{ HTTP_GET, "/api/meta", PASS, QUICK_MS, 0, service_meta, 0 },
	{ HTTP_POST, "/api/chat-messages", PASS, 0, 0, run_chat, ROUTE_KEEP },
	{ HTTP_POST, "/api/chat-messages/{task_id}/stop", PASS, QUICK_MS, 0, run_stop_chat, 0 },
	{ HTTP_POST, "/api/completion-messages", PASS, 0, 0, run_completion, ROUTE_KEEP },
	{ HTTP_POST, "/api/completion-messages/{task_id}/stop", PASS, QUICK_MS, 0, run_stop_completion, 0 },
	{ HTTP_POST, "/api/workflows/run", PASS, 0, 0, post_workflow, ROUTE_KEEP },
	{ HTTP_POST, "/api/workflows/tasks/{task_id}/stop", PASS, QUICK_MS, 0, run_stop_workflow, 0 },
	{ HTTP_GET, "/api/workflow/{workflow_run_id}/events", PASS, 0, 0, service_run_events, 0 },
	{ HTTP_GET, "/api/form/human_input/{form_token}", AUTH_NONE, QUICK_MS, 0, site_form_get, 0 },
	{ HTTP_POST, "/api/form/human_input/{form_token}", AUTH_NONE, QUICK_MS, 0, site_form_post, 0 },
	{ HTTP_POST, "/api/form/human_input/{form_token}/upload", AUTH_NONE, 0, 0, site_form_upload, 0 },
	{ HTTP_GET, "/api/conversations", PASS, QUICK_MS, 0, get_conversations, 0 },
	{ HTTP_DELETE, "/api/conversations/{conversation_id:uuid}", PASS, QUICK_MS, 0, delete_conversation, 0 },
	{ HTTP_POST, "/api/conversations/{conversation_id:uuid}/name", PASS, MODEL_MS, 0, talk_rename, 0 },
	{ HTTP_PATCH, "/api/conversations/{conversation_id:uuid}/pin", PASS, QUICK_MS, 0, pin, 0 },
	{ HTTP_PATCH, "/api/conversations/{conversation_id:uuid}/unpin", PASS, QUICK_MS, 0, unpin, 0 },
	{ HTTP_GET, "/api/messages", PASS, QUICK_MS, 0, talk_messages, 0 },
	{ HTTP_POST, "/api/messages/{message_id:uuid}/feedbacks", PASS, QUICK_MS, 0, talk_feedback, 0 },
	{ HTTP_GET, "/api/messages/{message_id:uuid}/suggested-questions", PASS, MODEL_MS, 0, get_suggested, 0 },
	{ HTTP_GET, "/api/messages/{message_id:uuid}/more-like-this", PASS, 0, 0, get_more_like_this, ROUTE_KEEP },
	{ HTTP_GET, "/api/saved-messages", PASS, QUICK_MS, 0, get_saved, 0 },
	{ HTTP_POST, "/api/saved-messages", PASS, QUICK_MS, 0, post_saved, 0 },
	{ HTTP_DELETE, "/api/saved-messages/{message_id:uuid}", PASS, QUICK_MS, 0, delete_saved, 0 },
	{ HTTP_POST, "/api/files/upload", PASS, 0, 0, upload_file, 0 },
	{ HTTP_POST, "/api/audio-to-text", PASS, SOUND_MS, 0, service_audio_to_text, 0 },
	{ HTTP_POST, "/api/text-to-audio", PASS, SOUND_MS, 0, service_text_to_audio, 0 },
};
/* clang-format on */
const struct route_table site_routes = {"site", routes, countof(routes)};
