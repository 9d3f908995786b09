/* SPDX-License-Identifier: Apache-2.0 */
/* logs: conversations and messages of an app's users, feedback of the people who run it. */
#include "api/console/annotations.h"
#include "api/console/console.h"

#include "base/buf.h"
#include "base/clock.h"
#include "chat/chat.h"

static struct chat_scope scope_of(struct call *c, const struct conversation *v)
{
	return (struct chat_scope){
		.tenant_id = c->app->tenant_id, .app_id = c->app->id,
		.user = { .id = v ? v->created_by : c->account->id,
			  .by_account = v ? v->by_account : true,
			  .session = v ? v->created_by : c->account->id },
	};
}

static void put_owner(struct call *c, struct json *o, bool by_account, struct str id)
{
	json_set_str(c->mem, o, S("from_source"), by_account ? S("console") : S("api"));
	put_text(c->mem, o, S("from_end_user_id"), by_account ? S("") : id);
}

static status put_names(struct call *c, struct json *o, bool by_account, struct str id)
{
	struct json *visitor, *person;
	if (visitor_json(c, c->app->id, by_account ? S("") : id, &visitor) ||
	    person_json(c, by_account ? id : S(""), &person))
		return -1;
	put_text(c->mem, o, S("from_end_user_session_id"), json_get_str(visitor, S("session_id")));
	put_text(c->mem, o, S("from_account_id"), by_account ? id : S(""));
	put_text(c->mem, o, S("from_account_name"), json_get_str(person, S("name")));
	return 0;
}

static void put_stats(struct call *c, struct json *o, const struct conversation_log *l)
{
	struct json *user = json_obj(c->mem), *admin = json_obj(c->mem);
	json_set_int(c->mem, user, S("like"), l->user_likes);
	json_set_int(c->mem, user, S("dislike"), l->user_dislikes);
	json_set_int(c->mem, admin, S("like"), l->admin_likes);
	json_set_int(c->mem, admin, S("dislike"), l->admin_dislikes);
	json_set(c->mem, o, S("user_feedback_stats"), user);
	json_set(c->mem, o, S("admin_feedback_stats"), admin);
}

static status first_message(struct call *c, const struct conversation *v, struct message **out)
{
	struct message *list;
	size_t n;
	bool more;
	if (message_list(c->s->chats, c->mem, c->app->tenant_id, c->app->id, v->id, S(""), 1, &list,
			 &n, &more))
		return -1;
	*out = n ? list : NULL;
	return 0;
}

static status put_short_message(struct call *c, struct json *o, const struct conversation *v)
{
	struct message *m;
	if (first_message(c, v, &m))
		return -1;
	if (!m) {
		json_set_null(c->mem, o, S("message"));
		return 0;
	}
	struct json *s = json_set(c->mem, o, S("message"), json_obj(c->mem));
	json_set(c->mem, s, S("inputs"), m->inputs);
	json_set_str(c->mem, s, S("query"), m->query);
	json_set_str(c->mem, s, S("message"),
		     json_get_str(json_at(m->prompt, 0), S("text")));
	json_set_str(c->mem, s, S("answer"), m->answer);
	return 0;
}

/* The annotation of a completion's one message. */
static status put_annotation(struct call *c, struct json *o, const struct conversation_log *l)
{
	struct annotation_marks marks = { 0 };
	struct json *made = json_null(c->mem);
	if (l->annotations &&
	    annotation_marks_get(c->s->chats, c->mem, l->conversation.tenant_id,
				 l->conversation.app_id, l->conversation.id, &marks))
		return -1;
	if (marks.made_count && made_annotation_json(c, &marks.made[0], &made))
		return -1;
	json_set(c->mem, o, S("annotation"), made);
	return 0;
}

static status log_json(struct call *c, const struct conversation_log *l, bool completion,
		       struct json **out)
{
	const struct conversation *v = &l->conversation;
	struct json *o = json_obj(c->mem), *config = json_obj(c->mem), *counts = json_obj(c->mem);
	json_set_str(c->mem, o, S("id"), v->id);
	json_set_str(c->mem, o, S("status"), S("normal"));
	put_owner(c, o, v->by_account, v->created_by);
	if (put_names(c, o, v->by_account, v->created_by))
		return -1;
	if (!completion) {
		json_set_str(c->mem, o, S("name"), v->name);
		json_set_str(c->mem, o, S("summary"), l->summary);
	}
	json_set_null(c->mem, o, S("read_at"));
	put_time(c->mem, o, S("created_at"), v->created_ms);
	put_time(c->mem, o, S("updated_at"), v->updated_ms);
	if (completion && put_annotation(c, o, l))
		return -1;
	if (!completion)
		json_set_bool(c->mem, o, S("annotated"), l->annotations > 0);
	json_set_null(c->mem, config, S("model"));
	json_set(c->mem, config, S("pre_prompt"), json_get(v->config, S("pre_prompt")));
	json_set(c->mem, o, S("model_config"), config);
	if (!completion)
		json_set_int(c->mem, o, S("message_count"), l->messages);
	put_stats(c, o, l);
	if (completion && put_short_message(c, o, v))
		return -1;
	if (!completion) {
		bool runs = str_eq(v->mode, S("advanced-chat"));
		struct json *none = json_null(c->mem);
		json_set(c->mem, counts, S("success"),
			 runs ? json_int(c->mem, l->runs_succeeded) : none);
		json_set(c->mem, counts, S("failed"),
			 runs ? json_int(c->mem, l->runs_failed) : none);
		json_set(c->mem, counts, S("partial_success"),
			 runs ? json_int(c->mem, l->runs_partial) : none);
		json_set(c->mem, o, S("status_count"), counts);
	}
	*out = o;
	return 0;
}

static status query_time(struct call *c, struct str name, int64_t *ms)
{
	struct str text = http_query(c->http, name);
	if (text.len && clock_parse_iso(text, ms))
		return err_set(ERR_INVALID, "%.*s: must be a time such as 2026-01-02 03:04",
			       STR(name));
	return 0;
}

static status reply_logs(struct call *c, bool completion)
{
	struct conversation_log_page q = { .completion = completion };
	struct conversation_log *list;
	size_t n;
	int64_t total;
	struct str annotated = http_query(c->http, S("annotation_status"));
	q.annotated = str_eq(annotated, S("annotated"))	    ? 1
		      : str_eq(annotated, S("not_annotated")) ? 2
							      : 0;
	if (need_app(c) || need_page(c, 20, &q.page, &q.limit) ||
	    query_time(c, S("start"), &q.from_ms) || query_time(c, S("end"), &q.until_ms))
		return -1;
	q.keyword = http_query(c->http, S("keyword"));
	if (conversation_logs(c->s->chats, c->mem, c->account->tenant_id, c->app->id, &q, &list, &n,
			      &total))
		return -1;
	struct json *o = page_json(c->mem, q.page, q.limit, total), *rows = json_arr(c->mem);
	for (size_t i = 0; i < n; i++) {
		struct json *row;
		if (log_json(c, &list[i], completion, &row))
			return -1;
		json_push(c->mem, rows, row);
	}
	json_set(c->mem, o, S("data"), rows);
	return reply_json(c, 200, o);
}

status console_chats(struct call *c)
{
	return reply_logs(c, false);
}

status console_completions(struct call *c)
{
	return reply_logs(c, true);
}

/* --- messages --- */

static struct json *feedbacks_json(struct call *c, const struct message *m)
{
	struct json *out = json_arr(c->mem);
	const struct {
		struct str rating, content, source;
	} rows[] = { { m->rating, m->feedback_content, S("user") },
		     { m->admin_rating, { 0 }, S("admin") } };
	for (size_t i = 0; i < countof(rows); i++) {
		if (!rows[i].rating.len)
			continue;
		struct json *f = json_obj(c->mem);
		json_set_str(c->mem, f, S("rating"), rows[i].rating);
		put_text(c->mem, f, S("content"), rows[i].content);
		json_set_str(c->mem, f, S("from_source"), rows[i].source);
		put_text(c->mem, f, S("from_end_user_id"), i == 0 ? m->created_by : S(""));
		json_set_null(c->mem, f, S("from_account"));
		json_push(c->mem, out, f);
	}
	return out;
}

/* The annotation made of the message, and the one that answered it. */
static status put_marks(struct call *c, struct json *o, const struct message *m,
			const struct annotation_marks *marks)
{
	struct json *made = json_null(c->mem), *hit = json_null(c->mem);
	for (size_t i = 0; i < marks->made_count; i++)
		if (str_eq(marks->made[i].message_id, m->id) &&
		    made_annotation_json(c, &marks->made[i], &made))
			return -1;
	for (size_t i = 0; i < marks->hit_count; i++)
		if (str_eq(marks->hits[i].message_id, m->id) &&
		    annotation_hit_json(c, &marks->hits[i], &hit))
			return -1;
	json_set(c->mem, o, S("annotation"), made);
	json_set(c->mem, o, S("annotation_hit_history"), hit);
	return 0;
}

static status message_json(struct call *c, const struct message *m,
			   const struct annotation_marks *marks, struct json **out)
{
	struct json *o = json_obj(c->mem), *files = json_arr(c->mem);
	json_set_str(c->mem, o, S("id"), m->id);
	json_set_str(c->mem, o, S("conversation_id"), m->conversation_id);
	json_set(c->mem, o, S("inputs"), m->inputs);
	json_set_str(c->mem, o, S("query"), m->query);
	json_set(c->mem, o, S("message"), m->prompt);
	json_set_int(c->mem, o, S("message_tokens"), m->message_tokens);
	json_set_str(c->mem, o, S("answer"), m->answer);
	json_set_int(c->mem, o, S("answer_tokens"), m->answer_tokens);
	json_set_float(c->mem, o, S("provider_response_latency"), m->latency);
	put_owner(c, o, m->by_account, m->created_by);
	put_text(c->mem, o, S("from_account_id"), m->by_account ? m->created_by : S(""));
	json_set(c->mem, o, S("feedbacks"), feedbacks_json(c, m));
	put_text(c->mem, o, S("workflow_run_id"), m->workflow_run_id);
	if (put_marks(c, o, m, marks))
		return -1;
	put_time(c->mem, o, S("created_at"), m->created_ms);
	struct json *thoughts = json_arr(c->mem);
	json_each(m->thoughts, t)
		json_push(c->mem, thoughts, chat_thought_json(c->mem, m, t));
	json_set(c->mem, o, S("agent_thoughts"), thoughts);
	json_each(m->files, it)
		json_push(c->mem, files, message_file_json(c->s->chats, c->mem, it));
	json_set(c->mem, o, S("message_files"), files);
	json_set(c->mem, o, S("metadata"), m->metadata ? m->metadata : json_obj(c->mem));
	json_set_str(c->mem, o, S("status"), m->status);
	put_text(c->mem, o, S("error"), m->error);
	/* A completion has no turn before it. */
	put_text(c->mem, o, S("parent_message_id"),
		 str_eq(m->mode, S("completion")) ? S("") : m->parent_message_id);
	*out = o;
	return 0;
}

static status marks_of(struct call *c, struct str conversation_id, struct annotation_marks *out)
{
	return annotation_marks_get(c->s->chats, c->mem, c->app->tenant_id, c->app->id,
				    conversation_id, out);
}

static status need_conversation(struct call *c, struct str id, struct conversation **v)
{
	return need_app(c) || conversation_of_app(c->s->chats, c->mem, c->account->tenant_id,
						  c->app->id, id, v)
		       ? -1
		       : 0;
}

static status reply_conversation(struct call *c, bool completion)
{
	static const struct str parts[] = { S_INIT("opening_statement"), S_INIT("suggested_questions"),
					    S_INIT("model"), S_INIT("user_input_form"),
					    S_INIT("pre_prompt"), S_INIT("agent_mode") };
	struct conversation *v;
	struct annotation_marks marks;
	struct message *list = NULL;
	size_t n;
	bool more;
	if (need_conversation(c, c->param[1], &v) ||
	    message_list(c->s->chats, c->mem, c->app->tenant_id, c->app->id, v->id, S(""), 1000, &list,
			 &n, &more) ||
	    marks_of(c, v->id, &marks))
		return -1;
	struct json *o = json_obj(c->mem), *config = json_obj(c->mem), *first = json_null(c->mem);
	json_set_str(c->mem, o, S("id"), v->id);
	json_set_str(c->mem, o, S("status"), S("normal"));
	put_owner(c, o, v->by_account, v->created_by);
	put_text(c->mem, o, S("from_account_id"), v->by_account ? v->created_by : S(""));
	put_time(c->mem, o, S("created_at"), v->created_ms);
	if (!completion) {
		put_time(c->mem, o, S("updated_at"), v->updated_ms);
		json_set_bool(c->mem, o, S("annotated"), marks.made_count > 0);
		json_set_str(c->mem, o, S("introduction"), v->introduction);
	}
	for (size_t i = 0; i < countof(parts); i++)
		json_set(c->mem, config, parts[i], json_get(v->config, parts[i]));
	json_set(c->mem, o, S("model_config"), config);
	struct conversation_log stats = { .messages = (int64_t)n };
	for (size_t i = 0; i < n; i++) {
		stats.user_likes += str_eq(list[i].rating, S("like"));
		stats.user_dislikes += str_eq(list[i].rating, S("dislike"));
		stats.admin_likes += str_eq(list[i].admin_rating, S("like"));
		stats.admin_dislikes += str_eq(list[i].admin_rating, S("dislike"));
	}
	if (completion) {
		if (n && message_json(c, &list[0], &marks, &first))
			return -1;
		json_set(c->mem, o, S("message"), first);
	} else {
		json_set_int(c->mem, o, S("message_count"), stats.messages);
		put_stats(c, o, &stats);
	}
	return reply_json(c, 200, o);
}

status console_chat(struct call *c)
{
	return reply_conversation(c, false);
}

status console_completion(struct call *c)
{
	return reply_conversation(c, true);
}

status console_chat_remove(struct call *c)
{
	struct conversation *v;
	if (need_conversation(c, c->param[1], &v))
		return -1;
	struct chat_scope scope = scope_of(c, v);
	if (conversation_remove(c->s->chats, c->mem, &scope, v->id))
		return -1;
	return reply_empty(c, 204);
}

status console_chat_messages(struct call *c)
{
	struct conversation *v;
	struct annotation_marks marks;
	struct message *list;
	size_t n;
	bool more;
	int64_t limit;
	if (!http_query(c->http, S("conversation_id")).len)
		return err_set(ERR_INVALID, "conversation_id: Field required");
	if (call_query_int(c, S("limit"), 20, 1, 100, &limit) ||
	    need_conversation(c, http_query(c->http, S("conversation_id")), &v) ||
	    message_list(c->s->chats, c->mem, c->app->tenant_id, c->app->id, v->id,
			 http_query(c->http, S("first_id")), limit, &list, &n, &more) ||
	    marks_of(c, v->id, &marks))
		return -1;
	struct json *o = json_obj(c->mem), *rows = json_arr(c->mem);
	for (size_t i = 0; i < n; i++) {
		struct json *row;
		if (message_json(c, &list[i], &marks, &row))
			return -1;
		json_push(c->mem, rows, row);
	}
	json_set_int(c->mem, o, S("limit"), limit);
	json_set_bool(c->mem, o, S("has_more"), more);
	json_set(c->mem, o, S("data"), rows);
	return reply_json(c, 200, o);
}

status console_message(struct call *c)
{
	struct message *m;
	struct annotation_marks marks;
	struct json *o;
	if (need_app(c) ||
	    message_of_app(c->s->chats, c->mem, c->account->tenant_id, c->app->id, c->param[1], &m) ||
	    marks_of(c, m->conversation_id, &marks) || message_json(c, m, &marks, &o))
		return -1;
	return reply_json(c, 200, o);
}

status console_feedback(struct call *c)
{
	struct message *m;
	struct str id, rating = S(""), content = { 0 };
	if (need_app(c) || call_body(c) || need_text(c, S("message_id"), 1, 64, &id) ||
	    take_text(c, S("rating"), 20, &rating) || take_text(c, S("content"), 4000, &content))
		return -1;
	if (rating.len && !str_eq(rating, S("like")) && !str_eq(rating, S("dislike")))
		return err_set(ERR_INVALID, "rating: Input should be 'like' or 'dislike'");
	if (message_of_app(c->s->chats, c->mem, c->account->tenant_id, c->app->id, id, &m))
		return -1;
	struct chat_scope scope = scope_of(c, NULL);
	if (feedback_set(c->s->chats, c->mem, &scope, m, rating, content, true))
		return -1;
	return reply_ok(c);
}

status console_suggest(struct call *c)
{
	struct message *m;
	struct json *questions, *o = json_obj(c->mem);
	if (need_app(c))
		return -1;
	if (message_of_app(c->s->chats, c->mem, c->account->tenant_id, c->app->id, c->param[1], &m))
		return err_code() == ERR_NOT_FOUND ? err_set(ERR_NOT_FOUND, "Message not found") : -1;
	struct conversation owner = { .created_by = m->created_by, .by_account = m->by_account };
	struct chat_scope scope = scope_of(c, &owner);
	if (chat_suggest(c->s->chats, c->mem, &scope, m, &questions))
		return -1;
	json_set(c->mem, o, S("data"), questions);
	return reply_json(c, 200, o);
}

status console_conversation_variables(struct call *c)
{
	struct conversation *v;
	struct chat_variable *list;
	size_t n;
	if (need_conversation(c, http_query(c->http, S("conversation_id")), &v))
		return -1;
	struct chat_scope scope = scope_of(c, v);
	if (variable_list(c->s->chats, c->mem, &scope, v->id, &list, &n))
		return -1;
	struct json *o = page_json(c->mem, 1, 100, (int64_t)n), *rows = json_arr(c->mem);
	for (size_t i = 0; i < n; i++) {
		struct json *row = json_obj(c->mem);
		struct buf b = buf_make(c->mem, 0);
		if (json_is(list[i].value, JSON_STR))
			buf_put(&b, json_as_str(list[i].value, S("")));
		else
			json_write_python(&b, list[i].value);
		json_set_str(c->mem, row, S("id"), list[i].id);
		json_set_str(c->mem, row, S("name"), list[i].name);
		json_set_str(c->mem, row, S("value_type"), list[i].value_type);
		json_set_str(c->mem, row, S("value"), buf_str(&b));
		json_set_str(c->mem, row, S("description"), list[i].description);
		put_time(c->mem, row, S("created_at"), list[i].created_ms);
		put_time(c->mem, row, S("updated_at"), list[i].updated_ms);
		json_push(c->mem, rows, row);
	}
	json_set(c->mem, o, S("data"), rows);
	return reply_json(c, 200, o);
}
