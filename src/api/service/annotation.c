/* SPDX-License-Identifier: Apache-2.0 */
/*
 * annotation: annotations of an app and the switch of their replies, for keys. The console's routes
 * (console/annotations.c) read and answer in the same forms, and take theirs from here.
 */
#include "api/service/annotation.h"

#include "account/account.h"
#include "api/service/service.h"
#include "app/app.h"
#include "base/arena.h"
#include "base/err.h"

enum { PAGE_DEFAULT = 20, PAGE_MAX = 100 };

struct json *annotation_shape(struct arena *mem, const struct annotation *a)
{
	struct json *o = json_obj(mem);
	json_set_str(mem, o, S("id"), a->id);
	json_set_str(mem, o, S("question"), a->question);
	json_set_str(mem, o, S("answer"), a->content);
	json_set_int(mem, o, S("hit_count"), a->hit_count);
	json_set_int(mem, o, S("created_at"), a->created_ms / 1000);
	return o;
}

/* What is no number counts as left out, as recorded. */
static int64_t loose_int(struct call *c, struct str name, int64_t fallback)
{
	int64_t v;
	return str_to_i64(http_query(c->http, name), &v) ? fallback : v;
}

void annotation_page_read(struct call *c, struct annotation_page *p, int64_t *limit)
{
	*limit = loose_int(c, S("limit"), PAGE_DEFAULT);
	p->keyword = http_query(c->http, S("keyword"));
	p->page = MAX(loose_int(c, S("page"), 1), 1);
	p->page = MIN(p->page, INT32_MAX);
	p->limit = *limit > 0 ? MIN(*limit, PAGE_MAX) : PAGE_DEFAULT;
}

/* has_more: the page is full, as recorded. */
struct json *annotation_page_json(struct arena *mem, struct json *data, const struct annotation_page *p,
				  int64_t limit, int64_t total)
{
	struct json *o = json_obj(mem);
	json_set(mem, o, S("data"), data);
	json_set_bool(mem, o, S("has_more"), (int64_t)json_len(data) == limit);
	json_set_int(mem, o, S("limit"), limit);
	json_set_int(mem, o, S("total"), total);
	json_set_int(mem, o, S("page"), p->page);
	return o;
}

status annotation_reply_list(struct call *c)
{
	struct annotation_page p = {0};
	struct annotation *rows;
	size_t n;
	int64_t limit, total;
	annotation_page_read(c, &p, &limit);
	if (annotation_list(c->s->chats, c->mem, c->app->tenant_id, c->app->id, &p, &rows, &n,
			    &total))
		return -1;
	struct json *data = json_arr(c->mem);
	for (size_t i = 0; i < n; i++)
		json_push(c->mem, data, annotation_shape(c->mem, &rows[i]));
	return reply_json(c, 200, annotation_page_json(c->mem, data, &p, limit, total));
}

status annotation_body_text(struct call *c, struct str name, struct str *out)
{
	struct str text;
	if (body_text(c, name, &text))
		return -1;
	if (text.at && !utf8_valid(text))
		return err_set(ERR_INVALID, "%.*s: Input should be valid text", STR(name));
	if (str_find_char(text, '\0') != SIZE_MAX)
		return err_set(ERR_INVALID, "%.*s: Input should be text without NUL", STR(name));
	*out = text;
	return 0;
}

static status required_text(struct call *c, struct str name, struct str *out)
{
	if (annotation_body_text(c, name, out))
		return -1;
	return out->at ? 0 : err_set(ERR_INVALID, "%.*s: Field required", STR(name));
}

/* --- the switch --- */

status annotation_reply_switch(struct call *c, struct str action, struct str account_id)
{
	struct annotation_enable e = {
		.tenant_id = c->app->tenant_id, .app_id = c->app->id, .account_id = account_id};
	struct str job_id;
	const struct json *score = json_get(c->body, S("score_threshold"));
	if (!json_is(score, JSON_INT) && !json_is(score, JSON_FLOAT))
		return err_set(ERR_INVALID, score ? "score_threshold: Input should be a valid number"
						  : "score_threshold: Field required");
	e.score_threshold = json_as_double(score, 1);
	if (required_text(c, S("embedding_provider_name"), &e.provider) ||
	    required_text(c, S("embedding_model_name"), &e.model))
		return -1;
	bool on = str_eq(action, S("enable"));
	if (!on && !str_eq(action, S("disable"))) /* as recorded */
		return err_public(ERR_INVALID, "unknown", 500, "Internal Server Error");
	if (on && !(e.score_threshold >= 0 && e.score_threshold <= 1))
		return err_set(ERR_INVALID, "score_threshold: Input should be between 0 and 1");
	if (on ? annotation_enable(c->s->chats, c->mem, &e, &job_id)
	       : annotation_disable(c->s->chats, c->mem, e.tenant_id, e.app_id, account_id, &job_id))
		return -1;
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("job_id"), job_id);
	json_set_str(c->mem, o, S("job_status"), S("waiting"));
	return reply_json(c, 200, o);
}

status annotation_reply_job(struct call *c, struct str kind, struct str id)
{
	struct annotation_job *j;
	if (annotation_job_get(c->s->chats, c->mem, c->app->tenant_id, c->app->id, kind, id, &j))
		return -1;
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("job_id"), j->id);
	json_set_str(c->mem, o, S("job_status"), j->status);
	json_set_str(c->mem, o, S("error_msg"), j->error);
	return reply_json(c, 200, o);
}

/* --- handlers --- */

status service_annotation_create(struct call *c)
{
	struct account *owner;
	struct annotation *made;
	struct annotation_new a = {.tenant_id = c->app->tenant_id, .app_id = c->app->id};
	if (call_body(c) || required_text(c, S("question"), &a.question) ||
	    required_text(c, S("answer"), &a.content) ||
	    account_owner(c->s->accounts, c->mem, a.tenant_id, &owner))
		return -1;
	a.account_id = owner->id; /* a key has no author of its own */
	if (annotation_add(c->s->chats, c->mem, &a, &made))
		return -1;
	return reply_json(c, 201, annotation_shape(c->mem, made));
}

status service_annotation_update(struct call *c)
{
	struct annotation a = {.id = c->param[0]}, *changed;
	if (call_body(c) || required_text(c, S("question"), &a.question) ||
	    required_text(c, S("answer"), &a.content))
		return -1;
	if (!a.question.len)
		return err_set(ERR_INVALID, "question: Input should not be empty");
	if (annotation_update(c->s->chats, c->mem, c->app->tenant_id, c->app->id, &a, &changed))
		return -1;
	return reply_json(c, 200, annotation_shape(c->mem, changed));
}

status service_annotation_remove(struct call *c)
{
	if (annotation_remove(c->s->chats, c->mem, c->app->tenant_id, c->app->id, &c->param[0], 1))
		return -1;
	return reply_empty(c, 204);
}

status service_annotation_switch(struct call *c)
{
	struct account *owner;
	if (call_body(c) || account_owner(c->s->accounts, c->mem, c->app->tenant_id, &owner))
		return -1;
	return annotation_reply_switch(c, c->param[0], owner->id);
}

status service_annotation_job(struct call *c)
{
	return annotation_reply_job(c, c->param[0], c->param[1]);
}
