/* SPDX-License-Identifier: Apache-2.0 */
/* annotations: see annotations.h. What keys may do as well is in service/annotation.c. */
#include "api/console/annotations.h"

#include "api/console/console.h"
#include "api/service/annotation.h"
#include "base/buf.h"
#include "base/config.h"
#include "base/id.h"
#include "base/vec.h"
#include "chat/chat.h"

enum {
	EXPORT_ROWS = 200,
	MIB = 1 << 20,
	FORM_SPARE = 1 << 16,
	REMOVE_MAX = 1000, /* ids of one request */
};

/* --- shapes --- */

status made_annotation_json(struct call *c, const struct annotation *a, struct json **out)
{
	struct json *o = json_obj(c->mem), *account;
	if (person_json(c, a->account_id, &account))
		return -1;
	json_set_str(c->mem, o, S("id"), a->id);
	json_set_str(c->mem, o, S("question"), a->question);
	json_set_str(c->mem, o, S("content"), a->content);
	json_set(c->mem, o, S("account"), account);
	put_time(c->mem, o, S("created_at"), a->created_ms);
	*out = o;
	return 0;
}

status annotation_hit_json(struct call *c, const struct annotation_hit *h, struct json **out)
{
	struct json *o = json_obj(c->mem), *account;
	if (person_json(c, h->annotation_account_id, &account))
		return -1;
	json_set_str(c->mem, o, S("annotation_id"), h->annotation_id);
	json_set(c->mem, o, S("annotation_create_account"), account);
	put_time(c->mem, o, S("created_at"), h->created_ms);
	*out = o;
	return 0;
}

static struct json *hit_row(struct arena *mem, const struct annotation_hit *h)
{
	struct json *o = json_obj(mem);
	json_set_str(mem, o, S("id"), h->id);
	json_set_str(mem, o, S("source"), h->source);
	json_set_float(mem, o, S("score"), h->score);
	json_set_str(mem, o, S("question"), h->question);
	json_set_int(mem, o, S("created_at"), h->created_ms / 1000);
	json_set_str(mem, o, S("match"), h->annotation_question);
	json_set_str(mem, o, S("response"), h->annotation_content);
	return o;
}

/* --- annotations --- */

status console_annotations(struct call *c)
{
	return need_app(c) ? -1 : annotation_reply_list(c);
}

status console_annotation_count(struct call *c)
{
	int64_t n;
	struct json *o = json_obj(c->mem);
	if (need_app(c) || annotation_count(c->s->chats, c->mem, c->app->tenant_id, c->app->id, &n))
		return -1;
	json_set_int(c->mem, o, S("count"), n);
	return reply_json(c, 200, o);
}

/* The answer under either of its names. */
static status body_answer(struct call *c, struct str *out)
{
	return annotation_body_text(c, S("answer"), out) ||
			       (!out->at && annotation_body_text(c, S("content"), out))
		       ? -1
		       : 0;
}

status console_annotation_create(struct call *c)
{
	struct annotation *made;
	struct annotation_new a = { 0 };
	if (need_app(c) || call_body(c) || annotation_body_text(c, S("message_id"), &a.message_id) ||
	    annotation_body_text(c, S("question"), &a.question) || body_answer(c, &a.content))
		return -1;
	if (!a.content.at)
		return err_set(ERR_INVALID, "Either 'answer' or 'content' must be provided");
	a.tenant_id = c->app->tenant_id;
	a.app_id = c->app->id;
	a.account_id = c->account->id;
	if (annotation_add(c->s->chats, c->mem, &a, &made))
		return -1;
	return reply_json(c, 200, annotation_shape(c->mem, made));
}

status console_annotation_update(struct call *c)
{
	struct annotation a = { .id = c->param[1] }, *changed;
	if (need_app(c) || call_body(c) || annotation_body_text(c, S("question"), &a.question) ||
	    body_answer(c, &a.content))
		return -1;
	if (a.question.at && !a.question.len)
		return err_set(ERR_INVALID, "question: Input should not be empty");
	if (annotation_update(c->s->chats, c->mem, c->app->tenant_id, c->app->id, &a, &changed))
		return -1;
	return reply_json(c, 200, annotation_shape(c->mem, changed));
}

status console_annotation_remove(struct call *c)
{
	if (need_app(c) || annotation_remove(c->s->chats, c->mem, c->app->tenant_id, c->app->id,
					     &c->param[1], 1))
		return -1;
	return reply_empty(c, 204);
}

/* ?annotation_id=A&annotation_id=B: those; without any: all. */
status console_annotations_remove(struct call *c)
{
	VEC(struct str) ids = { 0 };
	struct str rest = c->http->query;
	if (need_app(c))
		return -1;
	while (rest.len) {
		struct str value = str_cut(&rest, '&');
		struct str name = str_cut(&value, '=');
		if (!str_eq(name, S("annotation_id")))
			continue;
		if (!id_is_uuid(value) || ids.len == REMOVE_MAX)
			return err_set(ERR_INVALID, "annotation_id is given 1 to %d times, each a "
						    "valid UUID", REMOVE_MAX);
		vec_push(c->mem, &ids, value);
	}
	if (ids.len ? annotation_remove(c->s->chats, c->mem, c->app->tenant_id, c->app->id, ids.at,
					ids.len)
		    : annotation_clear(c->s->chats, c->mem, c->app->tenant_id, c->app->id))
		return -1;
	return reply_empty(c, 204);
}

status console_annotation_hits(struct call *c)
{
	struct annotation_page p = { 0 };
	struct annotation_hit *rows;
	size_t n;
	int64_t limit, total;
	annotation_page_read(c, &p, &limit);
	if (need_app(c) || annotation_hits(c->s->chats, c->mem, c->app->tenant_id, c->app->id,
					   c->param[1], &p, &rows, &n, &total))
		return -1;
	struct json *data = json_arr(c->mem);
	for (size_t i = 0; i < n; i++)
		json_push(c->mem, data, hit_row(c->mem, &rows[i]));
	return reply_json(c, 200, annotation_page_json(c->mem, data, &p, limit, total));
}

/* --- export: page by page, so that none of it is whole in memory --- */

/* A cell that a spreadsheet would take for a formula is marked as text; the import takes the mark
 * off again. */
static void put_cell(struct buf *b, struct str t)
{
	buf_putc(b, '"');
	if (t.len && str_find_char(S("=+-@\t\r"), t.at[0]) != SIZE_MAX)
		buf_putc(b, '\'');
	for (size_t i = 0; i < t.len; i++) {
		if (t.at[i] == '"')
			buf_putc(b, '"');
		buf_putc(b, t.at[i]);
	}
	buf_putc(b, '"');
}

static void put_row(struct arena *mem, struct buf *b, const struct annotation *a, bool csv, bool first)
{
	if (!csv) {
		if (!first)
			buf_putc(b, ',');
		json_write(b, annotation_shape(mem, a), JSON_COMPACT | JSON_ASCII | JSON_SLASH);
		return;
	}
	put_cell(b, a->question);
	buf_putc(b, ',');
	put_cell(b, a->content);
	buf_puts(b, "\r\n");
}

static status write_rows(struct call *c, bool csv)
{
	struct annotation *rows, last = { 0 };
	AUTO(arena) mem = { arena_open(0) };
	AUTO(arena) keep = { arena_open(0) };
	for (size_t n = EXPORT_ROWS; n == EXPORT_ROWS;) {
		struct buf b = buf_make(mem.p, 0);
		bool first = !last.id.at;
		if (annotation_next(c->s->chats, mem.p, c->app->tenant_id, c->app->id,
				    first ? NULL : &last, EXPORT_ROWS, &rows, &n))
			return -1;
		for (size_t i = 0; i < n; i++)
			put_row(mem.p, &b, &rows[i], csv, first && !i);
		if (buf_done(&b) || (b.len && http_write(c->http, buf_str(&b))))
			return -1;
		if (n) {
			arena_reset(keep.p);
			last = rows[n - 1];
			last.id = arena_str(keep.p, last.id);
		}
		arena_reset(mem.p);
	}
	return 0;
}

/* {"data": [...]}; with ?format=csv a file that can be imported again. */
status console_annotation_export(struct call *c)
{
	bool csv = str_eq(http_query(c->http, S("format")), S("csv"));
	if (need_app(c))
		return -1;
	if (csv)
		http_add_header(c->http, S("Content-Disposition"),
				S("attachment; filename=\"annotations.csv\""));
	struct str head = csv ? S("question,answer\r\n") : S("{\"data\":[");
	if (http_begin(c->http, 200, csv ? S("text/csv; charset=utf-8") : S("application/json")) ||
	    http_write(c->http, head) || write_rows(c, csv) ||
	    (!csv && http_write(c->http, S("]}\n"))))
		return -1;
	return http_end(c->http);
}

/* --- import --- */

static status check_file(struct call *c, const struct part *p, size_t files)
{
	if (files > 1)
		return err_public(ERR_INVALID, "too_many_files", 400, "Only one file is allowed.");
	if (p->filename.len < 4 || !str_eq_nocase(str_skip(p->filename, p->filename.len - 4), S(".csv")))
		return err_set(ERR_INVALID, "Invalid file type. Only CSV files are allowed");
	return 0;
}

static status read_file(struct call *c, struct str *out)
{
	struct multipart *form;
	size_t files = 0;
	uint64_t most = (uint64_t)MAX(config_int(c->s->config, CONFIG_ANNOTATION_IMPORT_FILE_SIZE_LIMIT),
				      0) * MIB;
	/* One byte more than allowed tells that it is too much. */
	c->http->body_limit = most + FORM_SPARE;
	if (str_starts(http_header(c->http, S("Content-Type")), S("multipart/form-data"))) {
		if (multipart_open(c->http, &form))
			return -1;
		for (struct part *p;;) {
			if (multipart_next(form, &p))
				return -1;
			if (!p)
				break;
			if (!p->filename.at)
				continue;
			if (check_file(c, p, ++files) || multipart_text(form, most + 1, out))
				return -1;
			*out = arena_str(c->mem, *out);
		}
	}
	if (!files)
		return err_public(ERR_INVALID, "no_file_uploaded", 400, "Please upload your file.");
	return 0;
}

status console_annotation_import(struct call *c)
{
	struct str csv, job_id;
	int64_t records;
	if (need_app(c) || read_file(c, &csv) ||
	    annotation_import(c->s->chats, c->mem, c->app->tenant_id, c->app->id, c->account->id, csv,
			      &job_id, &records))
		return -1;
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("job_id"), job_id);
	json_set_str(c->mem, o, S("job_status"), S("waiting"));
	json_set_int(c->mem, o, S("record_count"), records);
	return reply_json(c, 200, o);
}

status console_annotation_import_job(struct call *c)
{
	return need_app(c) ? -1 : annotation_reply_job(c, S("import"), c->param[1]);
}

/* --- replies --- */

status console_annotation_switch(struct call *c)
{
	struct str action = c->param[1];
	if (need_app(c) || call_body(c))
		return -1;
	if (!str_eq(action, S("enable")) && !str_eq(action, S("disable")))
		return err_set(ERR_INVALID, "Unsupported annotation reply action");
	return annotation_reply_switch(c, action, c->account->id);
}

status console_annotation_job(struct call *c)
{
	return need_app(c) ? -1 : annotation_reply_job(c, c->param[1], c->param[2]);
}

static status reply_setting(struct call *c)
{
	struct annotation_setting *s;
	struct json *o = json_obj(c->mem), *model = json_obj(c->mem);
	if (annotation_setting_get(c->s->chats, c->mem, c->app->tenant_id, c->app->id, &s))
		return -1;
	if (!s || !s->enabled) {
		json_set_bool(c->mem, o, S("enabled"), false);
		return reply_json(c, 200, o);
	}
	json_set_str(c->mem, o, S("id"), s->id);
	json_set_bool(c->mem, o, S("enabled"), true);
	json_set_float(c->mem, o, S("score_threshold"), s->score_threshold);
	json_set_str(c->mem, model, S("embedding_provider_name"), s->provider);
	json_set_str(c->mem, model, S("embedding_model_name"), s->model);
	json_set(c->mem, o, S("embedding_model"), model);
	return reply_json(c, 200, o);
}

status console_annotation_setting(struct call *c)
{
	return need_app(c) ? -1 : reply_setting(c);
}

status console_annotation_threshold(struct call *c)
{
	if (need_app(c) || call_body(c))
		return -1;
	double score = json_as_double(json_get(c->body, S("score_threshold")), -1);
	if (!(score >= 0 && score <= 1))
		return err_set(ERR_INVALID, "score_threshold: Input should be a number between 0 and 1");
	if (annotation_threshold_set(c->s->chats, c->mem, c->app->tenant_id, c->app->id, c->param[1],
				     score))
		return -1;
	return reply_setting(c);
}
