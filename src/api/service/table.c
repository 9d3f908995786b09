/* SPDX-License-Identifier: Apache-2.0 */
/* table: the operations of the Service API, and the short handlers that only they need. */
#include "account/account.h"
#include "api/service/annotation.h"
#include "api/service/service.h"
#include "app/app.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"

enum {
	PAGE_DEFAULT = 20,
	PAGE_MAX = 100,
	FEEDBACK_PAGE_MAX = 101,
	QUICK_MS = 30000,
	MODEL_MS = 120000,
	SOUND_MS = 600000
};

static status post_workflow(struct call *c)
{
	return run_workflow(c, (struct str){0});
}

static status post_workflow_version(struct call *c)
{
	return run_workflow(c, c->param[0]);
}

static status get_conversations(struct call *c)
{
	return talk_conversations(c, -1);
}

static status delete_conversation(struct call *c)
{
	if (need_body_user(c, false) || need_chat_app(c))
		return -1;
	struct chat_scope scope = call_scope(c);
	if (conversation_remove(c->s->chats, c->mem, &scope, c->param[0]))
		return -1;
	return reply_empty(c, 204);
}

static status get_suggested(struct call *c)
{
	struct json *data, *o = json_obj(c->mem);
	if (talk_suggested(c, &data))
		return -1;
	json_set_str(c->mem, o, S("result"), S("success"));
	json_set(c->mem, o, S("data"), data);
	return reply_json(c, 200, o);
}

/* 2026-01-02T03:04:05, with microseconds when asked for: the one place where times are texts. */
static struct str iso_seconds(struct arena *mem, int64_t ms, bool fraction)
{
	struct str t = str_sub(clock_iso(mem, ms), 0, 19);
	return fraction ? arena_printf(mem, "%.*s.%03d000", STR(t), (int)(ms % 1000)) : t;
}

static struct json *shape_feedback(struct call *c, const struct feedback *f)
{
	struct arena *mem = c->mem;
	struct json *o = json_obj(mem);
	bool admin = str_eq(f->from_source, S("admin"));
	json_set_str(mem, o, S("id"), f->id);
	json_set_str(mem, o, S("app_id"), c->app->id);
	json_set_str(mem, o, S("conversation_id"), f->conversation_id);
	json_set_str(mem, o, S("message_id"), f->message_id);
	json_set_str(mem, o, S("rating"), f->rating);
	json_set_str_or_null(mem, o, S("content"), f->content);
	json_set_str(mem, o, S("from_source"), f->from_source);
	json_set_str_or_null(mem, o, S("from_end_user_id"),
			     admin ? (struct str){0} : f->created_by);
	json_set_str_or_null(mem, o, S("from_account_id"), admin ? f->created_by : (struct str){0});
	json_set_str(mem, o, S("created_at"), iso_seconds(mem, f->created_ms, false));
	json_set_str(mem, o, S("updated_at"), iso_seconds(mem, f->updated_ms, true));
	return o;
}

static status get_feedbacks(struct call *c)
{
	int64_t page, limit;
	struct feedback *rows;
	size_t n;
	if (call_query_int(c, S("page"), 1, 1, INT32_MAX, &page) ||
	    call_query_int(c, S("limit"), PAGE_DEFAULT, 1, FEEDBACK_PAGE_MAX, &limit) ||
	    feedback_list(c->s->chats, c->mem, c->app->tenant_id, c->app->id, page, limit, &rows,
			  &n))
		return -1;
	struct json *o = json_obj(c->mem), *data = json_arr(c->mem);
	for (size_t i = 0; i < n; i++)
		json_push(c->mem, data, shape_feedback(c, &rows[i]));
	json_set(c->mem, o, S("data"), data);
	return reply_json(c, 200, o);
}

static struct json *shape_variable(struct arena *mem, const struct chat_variable *v)
{
	struct json *o = json_obj(mem);
	struct str value = json_is(v->value, JSON_STR) ? json_as_str(v->value, S(""))
						       : json_text(mem, v->value, JSON_SPACED);
	json_set_str(mem, o, S("id"), v->id);
	json_set_str(mem, o, S("name"), v->name);
	json_set_str(mem, o, S("value_type"), v->value_type);
	json_set_str(mem, o, S("value"), value);
	json_set_str(mem, o, S("description"), v->description);
	json_set_int(mem, o, S("created_at"), v->created_ms / 1000);
	json_set_int(mem, o, S("updated_at"), v->updated_ms / 1000);
	return o;
}

static status check_variable_name(struct str name)
{
	for (size_t i = 0; i < name.len; i++) {
		char ch = name.at[i];
		bool letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
		if (!letter && !(ch >= '0' && ch <= '9') && ch != '-' && ch != '_' && ch != '.')
			return err_set(
				ERR_INVALID,
				"Variable name can only contain letters, numbers, hyphens (-), "
				"underscores (_), and periods (.)");
	}
	return 0;
}

/* Where the page begins: behind last_id. */
static status variables_from(const struct chat_variable *all, size_t n, struct str last_id,
			     size_t *from)
{
	*from = 0;
	if (!last_id.len)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (str_eq(all[i].id, last_id))
			*from = i + 1;
	return *from ? 0 : err_set(ERR_NOT_FOUND, "Conversation Variable Not Exists.");
}

static status get_variables(struct call *c)
{
	struct str last_id, name = http_query(c->http, S("variable_name"));
	int64_t limit;
	struct chat_variable *all;
	size_t n, from;
	if (need_chat_app(c) || query_uuid(c, S("last_id"), false, &last_id) ||
	    check_variable_name(name) ||
	    call_query_int(c, S("limit"), PAGE_DEFAULT, 1, PAGE_MAX, &limit) ||
	    need_query_user(c, false))
		return -1;
	struct chat_scope scope = call_scope(c);
	if (variable_list(c->s->chats, c->mem, &scope, c->param[0], &all, &n) ||
	    variables_from(all, n, last_id, &from))
		return -1;
	struct json *data = json_arr(c->mem);
	bool more = false;
	for (size_t i = from; i < n && !more; i++) {
		if (name.len && !str_eq(all[i].name, name))
			continue;
		more = json_len(data) == (size_t)limit;
		if (!more)
			json_push(c->mem, data, shape_variable(c->mem, &all[i]));
	}
	return reply_json(c, 200, shape_page(c->mem, limit, more, data));
}

static status put_variable(struct call *c)
{
	struct chat_variable v;
	if (need_body_user(c, false) || need_chat_app(c))
		return -1;
	const struct json *value = json_get(c->body, S("value"));
	if (!value)
		return err_set(ERR_INVALID, "value: Field required");
	struct chat_scope scope = call_scope(c);
	if (variable_set(c->s->chats, c->mem, &scope, c->param[0], c->param[1], value, &v))
		return -1;
	return reply_json(c, 200, shape_variable(c->mem, &v));
}

#define KEY AUTH_APP_KEY
/* clang-format off: one operation a line */
static const struct route routes[] = {
	{ HTTP_POST, "/v1/chat-messages", KEY, 0, 0, run_chat, ROUTE_KEEP },
	{ HTTP_POST, "/v1/chat-messages/{task_id}/stop", KEY, QUICK_MS, 0, run_stop_chat, 0 },
	{ HTTP_POST, "/v1/completion-messages", KEY, 0, 0, run_completion, ROUTE_KEEP },
	{ HTTP_POST, "/v1/completion-messages/{task_id}/stop", KEY, QUICK_MS, 0, run_stop_completion, 0 },
	{ HTTP_POST, "/v1/workflows/run", KEY, 0, 0, post_workflow, ROUTE_KEEP },
	{ HTTP_POST, "/v1/workflows/{workflow_id}/run", KEY, 0, 0, post_workflow_version, ROUTE_KEEP },
	{ HTTP_POST, "/v1/workflows/tasks/{task_id}/stop", KEY, QUICK_MS, 0, run_stop_workflow, 0 },
	{ HTTP_GET, "/v1/workflows/run/{workflow_run_id}", KEY, QUICK_MS, 0, service_run_get, 0 },
	{ HTTP_GET, "/v1/workflows/logs", KEY, QUICK_MS, 0, service_run_logs, 0 },
	{ HTTP_GET, "/v1/workflow/{workflow_run_id}/events", KEY, 0, 0, service_run_events, 0 },
	{ HTTP_GET, "/v1/form/human_input/{form_token}", KEY, QUICK_MS, 0, service_form_get, 0 },
	{ HTTP_POST, "/v1/form/human_input/{form_token}", KEY, QUICK_MS, 0, service_form_post, 0 },
	{ HTTP_GET, "/v1/messages", KEY, QUICK_MS, 0, talk_messages, 0 },
	{ HTTP_POST, "/v1/messages/{message_id:uuid}/feedbacks", KEY, QUICK_MS, 0, talk_feedback, 0 },
	{ HTTP_GET, "/v1/messages/{message_id:uuid}/suggested", KEY, MODEL_MS, 0, get_suggested, 0 },
	{ HTTP_GET, "/v1/app/feedbacks", KEY, QUICK_MS, 0, get_feedbacks, 0 },
	{ HTTP_GET, "/v1/conversations", KEY, QUICK_MS, 0, get_conversations, 0 },
	{ HTTP_DELETE, "/v1/conversations/{conversation_id:uuid}", KEY, QUICK_MS, 0, delete_conversation, 0 },
	{ HTTP_POST, "/v1/conversations/{conversation_id:uuid}/name", KEY, MODEL_MS, 0, talk_rename, 0 },
	{ HTTP_GET, "/v1/conversations/{conversation_id:uuid}/variables", KEY, QUICK_MS, 0, get_variables, 0 },
	{ HTTP_PUT, "/v1/conversations/{conversation_id:uuid}/variables/{variable_id:uuid}", KEY, QUICK_MS, 0, put_variable, 0 },
	{ HTTP_GET, "/v1/apps/annotations", KEY, QUICK_MS, 0, annotation_reply_list, 0 },
	{ HTTP_POST, "/v1/apps/annotations", KEY, QUICK_MS, 0, service_annotation_create, 0 },
	{ HTTP_PUT, "/v1/apps/annotations/{annotation_id:uuid}", KEY, QUICK_MS, 0, service_annotation_update, 0 },
	{ HTTP_DELETE, "/v1/apps/annotations/{annotation_id:uuid}", KEY, QUICK_MS, 0, service_annotation_remove, 0 },
	{ HTTP_POST, "/v1/apps/annotation-reply/{action}", KEY, QUICK_MS, 0, service_annotation_switch, 0 },
	{ HTTP_GET, "/v1/apps/annotation-reply/{action}/status/{job_id:uuid}", KEY, QUICK_MS, 0, service_annotation_job, 0 },
	{ HTTP_POST, "/v1/files/upload", KEY, 0, 0, upload_file, 0 },
	{ HTTP_GET, "/v1/files/{file_id:uuid}/preview", KEY, 0, 0, service_preview, 0 },
	{ HTTP_POST, "/v1/audio-to-text", KEY, SOUND_MS, 0, service_audio_to_text, 0 },
	{ HTTP_POST, "/v1/text-to-audio", KEY, SOUND_MS, 0, service_text_to_audio, 0 },
	{ HTTP_GET, "/v1/info", KEY, QUICK_MS, 0, service_info, 0 },
	{ HTTP_GET, "/v1/parameters", KEY, QUICK_MS, 0, service_parameters, 0 },
	{ HTTP_GET, "/v1/meta", KEY, QUICK_MS, 0, service_meta, 0 },
	{ HTTP_GET, "/v1/site", KEY, QUICK_MS, 0, service_site, 0 },
	{ HTTP_GET, "/v1/end-users/{end_user_id:uuid}", KEY, QUICK_MS, 0, service_end_user, 0 },
};
/* clang-format on */
const struct route_table service_routes = {"service", routes, countof(routes)};
