/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream: see stream.h. Envelopes by mode:
 *
 *	chat, agent-chat, advanced-chat	event, conversation_id, message_id, created_at, task_id
 *	completion		event, message_id, created_at, task_id
 *	workflow		event, workflow_run_id, task_id
 *
 * An easy app shows only its text; the nodes it runs on inside are not for clients.
 */
#include "api/stream.h"

#include "api/api_int.h"
#include "api/voice.h"
#include "base/shorten.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "chat/chat.h"

static bool is_workflow(const struct stream_run *r)
{
	return str_eq(r->mode, S("workflow"));
}

static bool is_chatflow(const struct stream_run *r)
{
	return str_eq(r->mode, S("advanced-chat"));
}

static bool is_easy(const struct stream_run *r)
{
	return !is_workflow(r) && !is_chatflow(r);
}

struct stream_run stream_of_turn(const struct chat_turn *t, enum stream_form form)
{
	return (struct stream_run){.mode = t->mode,
				   .run_id = t->run_id,
				   .task_id = t->task_id,
				   .message_id = t->message_id,
				   .conversation_id = t->conversation_id,
				   .created_ms = t->created_ms,
				   .form = form,
				   .direct = t->direct,
				   .annotation = t->annotation,
				   .moderation = t->moderation,
				   .speech = t->speech};
}

struct stream_run stream_of_run(const struct flow_info *i, enum stream_form form)
{
	return (struct stream_run){.mode = i->app_mode,
				   .run_id = i->run_id,
				   .task_id = i->task_id,
				   .workflow_id = i->workflow_id,
				   .message_id = i->message_id,
				   .conversation_id = i->conversation_id,
				   .created_ms = i->created_ms,
				   .form = form};
}

/* --- envelopes --- */

static void put_string(struct buf *b, const char *name, struct str value)
{
	buf_printf(b, ",\"%s\":", name);
	json_write_string(b, value, JSON_COMPACT);
}

static void open_event(struct buf *b, const struct stream_run *r, struct str event, bool with_task)
{
	buf_puts(b, "{\"event\":\"");
	buf_put(b, event);
	buf_putc(b, '"');
	if (is_workflow(r)) {
		put_string(b, "workflow_run_id", r->run_id);
	} else {
		if (!str_eq(r->mode, S("completion")))
			put_string(b, "conversation_id", r->conversation_id);
		put_string(b, "message_id", r->message_id);
		buf_puts(b, ",\"created_at\":");
		buf_int(b, r->created_ms / 1000);
	}
	if (with_task)
		put_string(b, "task_id", r->task_id);
}

/* What an agent says is no message yet: its thoughts come the same way. */
static void write_agent_message(struct buf *b, const struct stream_run *r, struct str text)
{
	open_event(b, r, S("agent_message"), true);
	put_string(b, "id", r->message_id);
	put_string(b, "answer", text);
	buf_putc(b, '}');
}

/* Data whose members stand in the event itself. */
static void write_flat(struct buf *b, const struct stream_run *r, const struct flow_event *e)
{
	open_event(b, r, flow_event_name(e->type), true);
	buf_putc(b, ',');
	buf_put(b, str_skip(e->data, 1));
}

static void write_message(struct buf *b, const struct stream_run *r, struct str text,
			  struct str selector)
{
	open_event(b, r, S("message"), true);
	put_string(b, "id", r->message_id);
	put_string(b, "answer", text);
	buf_puts(b, ",\"from_variable_selector\":");
	buf_put(b, selector.len && !is_easy(r) ? selector : S("null"));
	buf_putc(b, '}');
}

static void write_replace(struct buf *b, const struct stream_run *r, struct str text,
			  struct str reason)
{
	open_event(b, r, S("message_replace"), true);
	put_string(b, "answer", text);
	put_string(b, "reason", reason);
	buf_putc(b, '}');
}

static void write_chunk(struct buf *b, const struct stream_run *r, const struct flow_event *e)
{
	if (str_eq(r->mode, S("agent-chat"))) {
		write_agent_message(b, r, e->text);
		return;
	}
	if (!is_workflow(r)) {
		write_message(b, r, e->text, e->selector);
		return;
	}
	open_event(b, r, S("text_chunk"), true);
	buf_puts(b, ",\"data\":{\"text\":");
	json_write_string(b, e->text, JSON_COMPACT);
	buf_puts(b, ",\"from_variable_selector\":");
	buf_put(b, e->selector.len ? e->selector : S("null"));
	buf_puts(b, "}}");
}

static void write_text_replace(struct buf *b, const struct stream_run *r,
			       const struct flow_event *e)
{
	if (!is_workflow(r)) {
		write_replace(b, r, e->text, S(""));
		return;
	}
	open_event(b, r, S("text_replace"), true);
	buf_puts(b, ",\"data\":{\"text\":");
	json_write_string(b, e->text, JSON_COMPACT);
	buf_puts(b, "}}");
}

/* Node data for visitors of a web app: that a node ran, not with what. */
static struct str simple_node(struct arena *mem, struct str data)
{
	static const struct str hidden[] = {S_INIT("inputs"), S_INIT("process_data"),
					    S_INIT("outputs"), S_INIT("execution_metadata"),
					    S_INIT("error")};
	static const struct str dropped[] = {S_INIT("inputs_truncated"),
					     S_INIT("process_data_truncated"),
					     S_INIT("outputs_truncated"), S_INIT("agent_strategy")};
	struct json *v;
	if (json_parse(mem, data, &v))
		return data;
	for (size_t i = 0; i < countof(hidden); i++)
		if (json_get(v, hidden[i]))
			json_set_null(mem, v, hidden[i]);
	for (size_t i = 0; i < countof(dropped); i++)
		json_remove(v, dropped[i]);
	if (json_get(v, S("files")))
		json_set(mem, v, S("files"), json_arr(mem));
	return json_text(mem, v, JSON_COMPACT);
}

static bool is_node_event(enum flow_event_type t)
{
	return t == FLOW_NODE_STARTED || t == FLOW_NODE_FINISHED || t == FLOW_NODE_RETRY;
}

static bool is_container_event(enum flow_event_type t)
{
	return t == FLOW_ITERATION_STARTED || t == FLOW_ITERATION_COMPLETED ||
	       t == FLOW_LOOP_STARTED || t == FLOW_LOOP_COMPLETED;
}

/* The event's data as this stream's reader gets it. */
static struct str shown_data(struct arena *mem, const struct stream_run *r, const struct flow_event *e)
{
	struct json *v;
	if (r->form == STREAM_SIMPLE && is_node_event(e->type))
		return simple_node(mem, e->data);
	if (!r->limits || !(is_node_event(e->type) || is_container_event(e->type)) ||
	    !shorten_may(r->limits, e->data.len) || json_parse(mem, e->data, &v))
		return e->data;
	shorten_node(mem, v, r->limits);
	return json_text(mem, v, JSON_COMPACT);
}

/* Of a chat it names the message; a workflow has none. */
static void write_reasoning(struct buf *b, const struct stream_run *r, const struct flow_event *e)
{
	open_event(b, r, flow_event_name(e->type), true);
	buf_puts(b, ",\"data\":{\"message_id\":");
	if (is_workflow(r))
		buf_puts(b, "null");
	else
		json_write_string(b, r->message_id, JSON_COMPACT);
	buf_putc(b, ',');
	buf_put(b, str_skip(e->data, 1));
	buf_putc(b, '}');
}

void stream_write_event(struct arena *mem, struct buf *b, const struct stream_run *r,
			const struct flow_event *e)
{
	if (e->type == FLOW_CHECKPOINT)
		return;
	if (e->type == FLOW_CHUNK) {
		write_chunk(b, r, e);
	} else if (e->type == FLOW_AGENT_THOUGHT || e->type == FLOW_MESSAGE_FILE) {
		write_flat(b, r, e);
	} else if (e->type == FLOW_REASONING) {
		write_reasoning(b, r, e);
	} else if (e->type == FLOW_REPLACE) {
		write_text_replace(b, r, e);
	} else if (!is_easy(r)) {
		open_event(b, r, flow_event_name(e->type), true);
		if (!is_workflow(r))
			put_string(b, "workflow_run_id", r->run_id);
		buf_puts(b, ",\"data\":");
		buf_put(b, shown_data(mem, r, e));
		buf_putc(b, '}');
	}
}

void stream_write_error(struct buf *b, const struct stream_run *r, struct str slug, int http,
			struct str text)
{
	open_event(b, r, S("error"), false);
	put_string(b, "code", slug);
	buf_puts(b, ",\"status\":");
	buf_int(b, http);
	put_string(b, "message", text);
	buf_putc(b, '}');
}

void stream_write_audio(struct buf *b, const struct stream_run *r, struct str event, struct str base64)
{
	open_event(b, r, event, true);
	put_string(b, "audio", base64);
	buf_putc(b, '}');
}

/* --- what follows the run's last event --- */

static bool result_failed(const struct flow_result *res)
{
	return res && str_eq(res->status, S("failed"));
}

struct failure {
	struct str slug, text;
	int http;
};

static struct failure failure_of(struct arena *mem, const struct stream_run *r,
				 const struct flow_result *res)
{
	struct failure f = {.slug = res->error_slug.len ? res->error_slug : S("invalid_param"),
			    .http = res->error_http ? res->error_http : 400,
			    .text = res->error};
	if (is_chatflow(r)) {
		f = (struct failure){.slug = S("invalid_param"), .http = 400};
		f.text = arena_printf(mem, "Run failed: %.*s", STR(res->error));
	}
	return f;
}

/* Citations for visitors: what a reader needs, not where it is stored. */
static struct json *simple_resources(struct arena *mem, const struct json *from)
{
	static const struct str kept[] = {S_INIT("segment_id"),    S_INIT("position"),
					  S_INIT("document_name"), S_INIT("score"),
					  S_INIT("content"),       S_INIT("summary")};
	struct json *out = json_arr(mem);
	json_each(from, row) {
		struct json *o = json_obj(mem);
		for (size_t i = 0; i < countof(kept); i++)
			json_set(mem, o, kept[i], json_get(row, kept[i]));
		json_push(mem, out, o);
	}
	return out;
}

static struct json *metadata_of(struct arena *mem, const struct stream_run *r,
				const struct flow_result *res, bool bare)
{
	struct json *m = chat_metadata(mem, r->mode, res);
	if (r->annotation && is_chatflow(r))
		json_remove(m, S("annotation_reply"));
	else if (r->annotation)
		json_set(mem, m, S("annotation_reply"), r->annotation);
	if (r->form != STREAM_SIMPLE)
		return m;
	json_set(mem, m, S("retriever_resources"),
		 simple_resources(mem, json_get(m, S("retriever_resources"))));
	/* As recorded: streams of chats keep the usage, completions and blocking answers do not. */
	if (bare || str_eq(r->mode, S("completion"))) {
		json_remove(m, S("annotation_reply"));
		json_remove(m, S("usage"));
	}
	return m;
}

static void write_message_end(struct arena *mem, struct buf *b, const struct stream_run *r,
			      const struct flow_result *res)
{
	open_event(b, r, S("message_end"), true);
	put_string(b, "id", r->message_id);
	buf_puts(b, ",\"metadata\":");
	json_write(b, metadata_of(mem, r, res, false), JSON_COMPACT);
	buf_puts(b, ",\"files\":");
	if (is_easy(r))
		buf_puts(b, "null");
	else if (res && json_is(res->files, JSON_ARR))
		json_write(b, res->files, JSON_COMPACT);
	else
		buf_puts(b, "[]");
	buf_putc(b, '}');
}

bool stream_write_tail(struct arena *mem, struct buf *b, const struct stream_run *r,
		       const struct flow_result *res, struct str answer, size_t n)
{
	if (is_workflow(r) || (res && str_eq(res->status, S("paused"))))
		return false;
	if (result_failed(res)) {
		if (n)
			return false;
		struct failure f = failure_of(mem, r, res);
		stream_write_error(b, r, f.slug, f.http, f.text);
		return true;
	}
	struct str replaced =
		r->direct.at ? (struct str){0} : chat_moderate_output(mem, r->moderation, answer);
	if (n > (replaced.at ? 1 : 0))
		return false;
	if (replaced.at && !n)
		write_replace(b, r, replaced, is_easy(r) ? S("") : S("output_moderation"));
	else
		write_message_end(mem, b, r, res);
	return true;
}

/* --- streaming --- */

/* Bytes that a stream holds between two events: there may be ten thousand of them. */
enum { STEP_HELD = 256 };

/* One stream being written. */
struct writer {
	struct call *c;
	const struct stream_run *run;
	struct arena *step; /* of one event */
	struct buf answer;  /* kept only when moderation looks at it */
	struct voice *voice; /* NULL: nothing is spoken */
	bool ids, through_pauses;
	int64_t brief_until; /* see struct stream_from */
	int64_t last_seq;
};

static status send(struct writer *w, struct buf *b, int64_t seq)
{
	if (!b->len)
		return 0;
	if (buf_done(b))
		return -1;
	struct str id =
		w->ids && seq ? arena_printf(w->step, "%lld", (long long)seq) : (struct str){0};
	return sse_data(w->c->http, id, buf_str(b));
}

/* Of a state, how it came about is left out. */
static bool in_brief(enum flow_event_type t)
{
	switch (t) {
	case FLOW_CHUNK:
	case FLOW_REPLACE:
	case FLOW_AGENT_LOG:
	case FLOW_NODE_RETRY:
	case FLOW_ITERATION_NEXT:
	case FLOW_LOOP_NEXT:
		return false;
	default:
		return true;
	}
}

static status send_event(struct writer *w, const struct flow_event *e)
{
	if (w->run->moderation && e->type == FLOW_CHUNK)
		buf_put(&w->answer, e->text);
	if (w->run->moderation && e->type == FLOW_REPLACE) {
		buf_clear(&w->answer);
		buf_put(&w->answer, e->text);
	}
	struct buf b = buf_make(w->step, 0);
	struct stream_run form = *w->run;
	if (e->seq <= w->brief_until && !in_brief(e->type))
		return 0;
	if (e->seq <= w->brief_until)
		form.form = STREAM_SIMPLE;
	stream_write_event(w->step, &b, &form, e);
	if (send(w, &b, e->seq))
		return -1;
	if (e->type == FLOW_CHUNK)
		voice_say(w->voice, e->text);
	return 0;
}

static status send_tail(struct writer *w, const struct flow_result *res)
{
	for (size_t n = 0;; n++) {
		struct buf b = buf_make(w->step, 0);
		if (!stream_write_tail(w->step, &b, w->run, res, buf_str(&w->answer), n))
			return 0;
		if (send(w, &b, 0))
			return -1;
	}
}

/* A failure of ours in the middle of a stream: the client gets an error event, the log the cause.
 */
static status send_broken(struct writer *w)
{
	if (err_code() == ERR_CANCELLED || err_code() == ERR_CLOSED)
		return -1;
	log_err(LOG_ERROR, "stream of run %.*s broke", STR(w->run->run_id));
	struct buf b = buf_make(w->step, 0);
	stream_write_error(&b, w->run, S("internal_server_error"), 500,
			   S("Internal Server Error, please contact support."));
	return send(w, &b, 0) || sse_end(w->c->http) ? -1 : 0;
}

/* 1 = the feed failed, -1 = the client is gone. */
static int follow(struct writer *w, struct flow_feed *feed)
{
	for (bool end = false; !end;) {
		struct flow_event e = {0};
		arena_reset(w->step);
		if (flow_feed_next(feed, w->step, &e, &end, DEADLINE_NONE))
			return 1;
		if (e.seq && e.seq <= w->last_seq)
			continue;
		if (e.seq)
			w->last_seq = e.seq;
		if (e.seq && send_event(w, &e))
			return -1;
		/* Who started the run reads up to its first pause, however soon it goes on. */
		if (e.seq && e.type == FLOW_WORKFLOW_PAUSED && !w->ids)
			return 0;
	}
	return 0;
}

static status stream_feed(struct writer *w, int64_t after_seq)
{
	struct flow *flow = w->c->s->flow;
	AUTO(flow_feed) feed = {NULL};
	if (flow_follow(flow, w->run->run_id, after_seq, &feed.p))
		return -1;
	if (w->through_pauses)
		flow_feed_through_pauses(feed.p);
	w->last_seq = after_seq;
	if (sse_begin(w->c->http, 0))
		return -1;
	int failed = follow(w, feed.p);
	if (failed)
		return failed < 0 ? -1 : send_broken(w);
	arena_reset(w->step);
	struct flow_result *res;
	if (!is_workflow(w->run)) {
		if (flow_run_wait(flow, w->step, w->run->run_id, &res, DEADLINE_NONE))
			return send_broken(w);
		if (send_tail(w, res))
			return -1;
	}
	return voice_finish(w->voice) || sse_end(w->c->http) ? -1 : 0;
}

/* The preset answer of a moderated question, or an annotation: character by character, in a chatflow
 * at once. */
static status stream_direct(struct writer *w)
{
	struct str text = w->run->direct;
	if (sse_begin(w->c->http, 0))
		return -1;
	for (size_t i = 0; i < text.len;) {
		arena_reset(w->step);
		struct buf b = buf_make(w->step, 0);
		size_t n = is_easy(w->run) ? utf8_prefix(str_skip(text, i), 1) : text.len;
		write_message(&b, w->run, str_sub(text, i, n), (struct str){0});
		if (send(w, &b, 0))
			return -1;
		i += n;
	}
	voice_say(w->voice, text);
	return send_tail(w, NULL) || voice_finish(w->voice) || sse_end(w->c->http) ? -1 : 0;
}

/* ids: with `id:` lines, as only a stream that is read again has them. */
static status stream_with(struct call *c, const struct stream_run *r, bool ids,
			  const struct stream_from *from)
{
	AUTO(arena) step = {arena_open(STEP_HELD)};
	struct shorten_limits limits = shorten_limits_of(c->s->config);
	struct stream_run shown = *r;
	if (r->form != STREAM_FULL)
		shown.limits = &limits;
	AUTO(voice) voice = {NULL};
	/* A stream that is read again was spoken the first time. */
	if (shown.speech && !ids && voice_open(c, &shown, &voice.p))
		return -1;
	struct writer w = {.c = c, .voice = voice.p, .run = &shown, .step = step.p, .answer = buf_make(c->mem, 0),
			   .ids = ids, .through_pauses = from->through_pauses, .brief_until = from->brief_until};
	return r->direct.at ? stream_direct(&w) : stream_feed(&w, from->after_seq);
}

status stream_events(struct call *c, const struct stream_run *r)
{
	struct stream_from begin = { 0 };
	return stream_with(c, r, false, &begin);
}

status stream_resume(struct call *c, const struct stream_run *r, const struct stream_from *from)
{
	return stream_with(c, r, true, from);
}

status stream_read_from(struct call *c, struct str run_id, struct stream_from *out, bool *resumes)
{
	struct str last = str_trim(http_header(c->http, S("Last-Event-ID")));
	struct stream_from from = { 0 };
	*resumes = last.len && !str_to_i64(last, &from.after_seq) && from.after_seq >= 0;
	if (!*resumes)
		from.after_seq = 0;
	from.through_pauses = str_eq(http_query(c->http, S("continue_on_pause")), S("true"));
	if (str_eq(http_query(c->http, S("include_state_snapshot")), S("true")) &&
	    flow_run_last_event(c->s->flow, c->mem, run_id, &from.brief_until))
		return -1;
	*out = from;
	return 0;
}

status stream_finished(struct call *c, const struct stream_run *r)
{
	AUTO(arena) step = {arena_open(0)};
	AUTO(flow_feed) feed = {NULL};
	if (flow_follow(c->s->flow, r->run_id, 0, &feed.p))
		return -1;
	struct buf last = buf_make(c->mem, 0);
	for (bool end = false; !end;) {
		struct flow_event e = {0};
		arena_reset(step.p);
		if (flow_feed_next(feed.p, step.p, &e, &end, DEADLINE_NONE))
			return -1;
		if (!e.seq || (e.type != FLOW_WORKFLOW_FINISHED && e.type != FLOW_WORKFLOW_PAUSED))
			continue;
		buf_clear(&last);
		stream_write_event(c->mem, &last, r, &e);
	}
	if (buf_done(&last) || sse_begin(c->http, 0))
		return -1;
	if (last.len && sse_data(c->http, (struct str){0}, buf_str(&last)))
		return -1;
	return sse_end(c->http);
}

/* --- blocking --- */

static struct json *workflow_body(struct arena *mem, const struct stream_run *r,
				  const struct flow_result *res)
{
	struct json *body = json_obj(mem), *data = json_obj(mem), *none = json_obj(mem);
	json_set_str(mem, data, S("id"), r->run_id);
	json_set_str(mem, data, S("workflow_id"), r->workflow_id);
	json_set_str(mem, data, S("status"), res->status);
	json_set(mem, data, S("outputs"), json_is(res->outputs, JSON_OBJ) ? res->outputs : none);
	json_set_str_or_null(mem, data, S("error"), res->error.len ? res->error : (struct str){0});
	json_set_float(mem, data, S("elapsed_time"), res->elapsed);
	json_set_int(mem, data, S("total_tokens"), res->total_tokens);
	json_set_int(mem, data, S("total_steps"), res->total_steps);
	json_set_int(mem, data, S("created_at"), r->created_ms / 1000);
	if (res->pause)
		json_set_null(mem, data, S("finished_at"));
	else
		json_set_int(mem, data, S("finished_at"), res->finished_ms / 1000);
	json_each_member(res->pause, m) json_set(mem, data, m->name, &m->value);
	json_set_str(mem, body, S("task_id"), r->task_id);
	json_set_str(mem, body, S("workflow_run_id"), r->run_id);
	json_set(mem, body, S("data"), data);
	return body;
}

static struct json *chat_body(struct arena *mem, const struct stream_run *r,
			      const struct flow_result *res)
{
	struct str answer = r->direct.at ? r->direct : res->answer;
	if (!r->direct.at) {
		struct str replaced = chat_moderate_output(mem, r->moderation, answer);
		answer = replaced.at ? replaced : answer;
	}
	struct json *body = json_obj(mem);
	json_set_str(mem, body, S("event"), S("message"));
	json_set_str(mem, body, S("task_id"), r->task_id);
	json_set_str(mem, body, S("id"), r->message_id);
	json_set_str(mem, body, S("message_id"), r->message_id);
	if (!str_eq(r->mode, S("completion")))
		json_set_str(mem, body, S("conversation_id"), r->conversation_id);
	json_set_str(mem, body, S("mode"), r->mode);
	json_set_str(mem, body, S("answer"), answer);
	json_set(mem, body, S("metadata"), metadata_of(mem, r, res, true));
	json_set_int(mem, body, S("created_at"), r->created_ms / 1000);
	return body;
}

status stream_blocking_body(struct arena *mem, const struct stream_run *r,
			    const struct flow_result *res, struct json **out)
{
	if (is_workflow(r)) {
		*out = workflow_body(mem, r, res);
		return 0;
	}
	if (result_failed(res)) {
		struct failure f = failure_of(mem, r, res);
		char slug[ERR_SLUG_MAX];
		size_t n = MIN(f.slug.len, sizeof(slug) - 1);
		for (size_t i = 0; i < n; i++)
			slug[i] = f.slug.at[i];
		slug[n] = '\0';
		return err_public(ERR_INVALID, slug, f.http, "%.*s", STR(f.text));
	}
	*out = chat_body(mem, r, res);
	return 0;
}

status stream_blocking(struct call *c, const struct stream_run *r)
{
	struct flow_result *res = NULL;
	struct json *body;
	if (!r->direct.at && flow_run_wait(c->s->flow, c->mem, r->run_id, &res, DEADLINE_NONE))
		return -1;
	if (stream_blocking_body(c->mem, r, res, &body))
		return -1;
	return reply_run(c, 200, body);
}

status stream_reply(struct call *c, const struct stream_run *r, bool streaming)
{
	return streaming ? stream_events(c, r) : stream_blocking(c, r);
}
