/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Run events to wire events: each recorded stream is taken apart into the run's events and a
 * result, and must come out of the writer byte for byte. Placeholders of the recording stand for
 * ids; times of envelopes are filled in.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/stream.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "chat/chat_int.h"

static struct str shared(struct arena *mem, const char *path)
{
	const char *dir = getenv("TATARA_SHARED");
	const char *source = getenv("TATARA_SOURCE");
	if (dir)
		return arena_printf(mem, "%s/%s", dir, path);
	return arena_printf(mem, "%s/../shared/%s", source ? source : ".", path);
}

static bool read_file(struct arena *mem, struct str path, struct str *out)
{
	FILE *f = fopen(arena_cstr(mem, path), "rb");
	if (!f)
		return false;
	struct buf b = buf_make(mem, 0);
	char piece[1024];
	for (size_t n; (n = fread(piece, 1, sizeof(piece), f)) > 0;)
		buf_put(&b, str_of(piece, n));
	fclose(f);
	*out = buf_str(&b);
	return true;
}

static struct str replace(struct arena *mem, struct str t, struct str what, struct str by)
{
	size_t at = str_find(t, what);
	if (at == SIZE_MAX)
		return t;
	return arena_printf(mem, "%.*s%.*s%.*s", STR(str_sub(t, 0, at)), STR(by),
			    STR(str_skip(t, at + what.len)));
}

/* Floats of ours become the recording's placeholder. */
static void hide_floats(struct arena *mem, struct json *v)
{
	if (v->type == JSON_FLOAT) {
		*v = *json_str(mem, S("<float>"));
		return;
	}
	json_each(v, e)
		hide_floats(mem, e);
	json_each_member(v, m)
		hide_floats(mem, &m->value);
}

static struct str normal(struct arena *mem, struct str text)
{
	struct json *v;
	assert_int_equal(json_parse(mem, text, &v), 0);
	hide_floats(mem, v);
	return json_text(mem, v, JSON_COMPACT);
}

static bool event_type(struct str name, enum flow_event_type *out)
{
	for (int t = 0; t < FLOW_EVENT_COUNT; t++)
		if (str_eq(flow_event_name((enum flow_event_type)t), name)) {
			*out = (enum flow_event_type)t;
			return true;
		}
	return false;
}

struct play {
	struct arena *mem;
	struct stream_run run;
	struct buf answer;
	size_t tail;
	int compared;
	const char *name;
};

static void expect(struct play *p, struct str want, struct str got, bool floats)
{
	if (floats) {
		got = normal(p->mem, got);
		want = normal(p->mem, want);
	}
	if (!str_eq(want, got))
		print_message("%s\nwant %.*s\ngot  %.*s\n", p->name, STR(want), STR(got));
	assert_true(str_eq(want, got));
	p->compared++;
}

/* Whose answer it is, of a turn that an annotation answered. */
static const struct json *annotation_of(const struct json *e)
{
	const struct json *a = json_path(e, "metadata.annotation_reply");
	return json_is(a, JSON_OBJ) ? a : NULL;
}

static struct flow_result result_of(struct play *p, const struct json *e)
{
	const struct json *usage = json_path(e, "metadata.usage");
	bool none = json_get_int(usage, S("total_tokens"), 0) == 0;
	bool stopped = str_eq(json_get_str(usage, S("total_price")), S("0E-7"));
	struct flow_result r = {.status = stopped ? S("stopped") : S("succeeded"),
				.usage = none ? NULL : usage,
				.resources = json_path(e, "metadata.retriever_resources"),
				.files = json_get(e, S("files")),
				.elapsed = 0.5};
	r.answer = buf_str(&p->answer);
	return r;
}

static void play_tail(struct play *p, const struct json *e, struct str line)
{
	struct flow_result r = result_of(p, e);
	struct buf b = buf_make(p->mem, 0);
	p->run.annotation = annotation_of(e);
	if (str_eq(json_get_str(e, S("event")), S("error"))) {
		struct str text = json_get_str(e, S("message"));
		r.status = S("failed");
		r.error = str_starts(text, S("Run failed: ")) ? str_skip(text, 12) : text;
	}
	assert_true(stream_write_tail(p->mem, &b, &p->run, &r, buf_str(&p->answer), p->tail++));
	expect(p, line, buf_str(&b), true);
}

static void play_event(struct play *p, const struct json *e, struct str line)
{
	struct str name = json_get_str(e, S("event"));
	struct flow_event fe = {.seq = 1};
	if (str_eq(name, S("message_end")) || str_eq(name, S("error")) ||
	    str_eq(name, S("message_replace"))) {
		play_tail(p, e, line);
		return;
	}
	const struct json *data = json_get(e, S("data"));
	if (str_eq(name, S("message")) || str_eq(name, S("text_chunk"))) {
		const struct json *from = data ? data : e;
		const struct json *selector = json_get(from, S("from_variable_selector"));
		fe.type = FLOW_CHUNK;
		fe.text = json_get_str(from, data ? S("text") : S("answer"));
		fe.selector = json_is(selector, JSON_ARR)
				      ? json_text(p->mem, selector, JSON_COMPACT)
				      : (struct str){0};
		buf_put(&p->answer, fe.text);
	} else {
		if (!event_type(name, &fe.type))
			print_message("%s: unknown event %.*s\n", p->name, STR(name));
		assert_true(event_type(name, &fe.type));
		fe.data = json_text(p->mem, data, JSON_COMPACT);
	}
	struct buf b = buf_make(p->mem, 0);
	stream_write_event(p->mem, &b, &p->run, &fe);
	expect(p, line, buf_str(&b), false);
}

/* The reference renames text events of messages with files; ours are always `message`. */
static struct str fix_line(struct arena *mem, struct str line)
{
	line = replace(mem, line, S("\"created_at\":\"<int timestamp>\",\"task_id\""),
		       S("\"created_at\":1700000000,\"task_id\""));
	line = replace(mem, line, S("\"created_at\":\"<int timestamp>\",\"code\""),
		       S("\"created_at\":1700000000,\"code\""));
	return replace(mem, line, S("{\"event\":\"message_file\""), S("{\"event\":\"message\""));
}

static struct str replaced_answer(struct arena *mem, struct str text)
{
	size_t at = str_find(text, S("{\"event\":\"message_replace\""));
	if (at == SIZE_MAX)
		return (struct str){0};
	struct str rest = str_skip(text, at), line = str_cut(&rest, '\n');
	struct json *v;
	assert_int_equal(json_parse(mem, line, &v), 0);
	return json_get_str(v, S("answer"));
}

static void play_lines(struct play *p, struct str text)
{
	bool named = false;
	for (struct str rest = text; rest.at;) {
		struct str line = str_cut(&rest, '\n');
		struct json *e;
		if (!str_starts(line, S("data: ")))
			continue;
		line = fix_line(p->mem, str_skip(line, 6));
		assert_int_equal(json_parse(p->mem, line, &e), 0);
		if (!named) {
			p->run.run_id = json_get_str(e, S("workflow_run_id"));
			p->run.message_id = json_get_str(e, S("message_id"));
			p->run.conversation_id = json_get_str(e, S("conversation_id"));
			p->run.task_id = json_get_str(e, S("task_id"));
			named = true;
		}
		play_event(p, e, line);
	}
}

static int play_file(const char *name, struct str mode, struct str text, bool direct)
{
	AUTO(arena) mem = {arena_open(0)};
	struct play p = {.mem = mem.p, .answer = buf_make(mem.p, 0), .name = name};
	p.run = (struct stream_run){.mode = mode, .created_ms = 1700000000123, .form = STREAM_FULL};
	struct str preset = replaced_answer(mem.p, text);
	struct chat_moderation m = {.words = json_arr(mem.p), .output_preset = preset};
	json_push_str(mem.p, m.words, S("forbidden"));
	p.run.moderation = preset.at ? &m : NULL;
	if (direct)
		p.run.direct = S("x");
	play_lines(&p, text);
	return p.compared;
}

/* The blocking form of the same request. */
static int play_blocking(const char *name, struct str mode, const struct json *body)
{
	AUTO(arena) mem = {arena_open(0)};
	struct stream_run run = {.mode = mode,
				 .created_ms = 1700000000123,
				 .form = STREAM_FULL,
				 .task_id = json_get_str(body, S("task_id")),
				 .run_id = json_get_str(body, S("workflow_run_id")),
				 .message_id = json_get_str(body, S("message_id")),
				 .conversation_id = json_get_str(body, S("conversation_id")),
				 .annotation = annotation_of(body)};
	const struct json *data = json_get(body, S("data"));
	run.workflow_id = json_get_str(data, S("workflow_id"));
	struct play p = {.mem = mem.p, .name = name};
	struct flow_result r = result_of(&p, body);
	r.answer = json_get_str(body, S("answer"));
	if (data) {
		r = (struct flow_result){.status = json_get_str(data, S("status")),
					 .error = json_get_str(data, S("error")),
					 .outputs = json_get(data, S("outputs")),
					 .elapsed = 0.5,
					 .finished_ms = 1700000000999,
					 .total_tokens = json_get_int(data, S("total_tokens"), 0),
					 .total_steps = json_get_int(data, S("total_steps"), 0)};
	}
	struct json *got;
	assert_int_equal(stream_blocking_body(mem.p, &run, &r, &got), 0);
	struct str want = json_text(mem.p, body, JSON_COMPACT);
	for (int i = 0; i < 2; i++)
		want = replace(mem.p, want, S("_at\":\"<int timestamp>\""), S("_at\":1700000000"));
	expect(&p, want, json_text(mem.p, got, JSON_COMPACT), true);
	return p.compared;
}

static void recorded_streams_come_out_again(void **unused)
{
	(void)unused;
	AUTO(arena) mem = {arena_open(0)};
	struct str dir = shared(mem.p, "golden/streams");
	DIR *d = opendir(arena_cstr(mem.p, dir));
	if (!d) {
		print_message("%.*s is not there\n", STR(dir));
		skip();
		return;
	}
	int files = 0, events = 0, blocking = 0;
	for (struct dirent *e; (e = readdir(d));) {
		struct str name = str_c(e->d_name), info, text;
		/* agents have events of their own */
		if (!str_ends(name, S(".json")) || str_starts(name, S("agent_")))
			continue;
		struct str base = arena_str(mem.p, str_sub(name, 0, name.len - 5));
		struct json *v;
		assert_true(read_file(mem.p, arena_printf(mem.p, "%.*s/%.*s", STR(dir), STR(name)),
				      &info));
		assert_int_equal(json_parse(mem.p, info, &v), 0);
		struct str mode = json_get_str(v, S("mode"));
		assert_true(read_file(
			mem.p, arena_printf(mem.p, "%.*s/%.*s.sse", STR(dir), STR(base)), &text));
		/* a moderated or annotated question has no run: its answer and end carry no result */
		bool direct = str_ends(base, S("_moderation_input")) ||
			      str_eq(base, S("chat_annotation"));
		events += play_file(e->d_name, mode, text, direct);
		const struct json *b = json_path(v, "blocking.body");
		if (json_get_int(json_get(v, S("blocking")), S("status"), 0) == 200 &&
		    json_is(b, JSON_OBJ) && !str_has(base, S("_moderation_output")))
			blocking += play_blocking(e->d_name, mode, b);
		files++;
	}
	closedir(d);
	print_message("%d files, %d events, %d blocking answers\n", files, events, blocking);
	assert_true(files >= 70 && events > 600 && blocking > 40);
}

static void node_events_of_visitors_are_bare(void **unused)
{
	(void)unused;
	AUTO(arena) mem = {arena_open(0)};
	struct stream_run run = {
		.mode = S("workflow"), .run_id = S("r"), .task_id = S("t"), .form = STREAM_SIMPLE};
	struct flow_event e = {
		.seq = 1,
		.type = FLOW_NODE_STARTED,
		.data = S("{\"id\":\"x\",\"node_id\":\"start\",\"node_type\":\"start\",\"title\":"
			  "\"Start\",\"index\":1,"
			  "\"predecessor_node_id\":null,\"inputs\":{\"a\":1},\"inputs_truncated\":"
			  "false,\"created_at\":1,\"extras\":{},"
			  "\"iteration_id\":null,\"loop_id\":null,\"agent_strategy\":null}")};
	struct buf b = buf_make(mem.p, 0);
	stream_write_event(mem.p, &b, &run, &e);
	static const char started[] =
		"{\"event\":\"node_started\",\"workflow_run_id\":\"r\",\"task_id\":\"t\",\"data\":{"
		"\"id\":\"x\",\"node_id\":\"start\","
		"\"node_type\":\"start\",\"title\":\"Start\",\"index\":1,\"predecessor_node_id\":"
		"null,\"inputs\":null,\"created_at\":1,"
		"\"extras\":{},\"iteration_id\":null,\"loop_id\":null}}";
	assert_true(str_eq(buf_str(&b), str_c(started)));
}

static void failures_become_errors_with_codes(void **unused)
{
	(void)unused;
	AUTO(arena) mem = {arena_open(0)};
	struct stream_run run = {.mode = S("chat")};
	struct flow_result r = {.status = S("failed"),
				.error = S("no model"),
				.error_slug = S("provider_not_initialize"),
				.error_http = 400};
	struct json *body;
	assert_int_equal(stream_blocking_body(mem.p, &run, &r, &body), -1);
	assert_true(str_eq(err_slug(err_last()), S("provider_not_initialize")));
	assert_int_equal(err_http(err_last()), 400);
	run.mode = S("advanced-chat");
	assert_int_equal(stream_blocking_body(mem.p, &run, &r, &body), -1);
	assert_true(str_eq(err_text(), S("Run failed: no model")));
	assert_true(str_eq(err_slug(err_last()), S("invalid_param")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_streams_come_out_again),
		cmocka_unit_test(node_events_of_visitors_are_bare),
		cmocka_unit_test(failures_become_errors_with_codes),
	};
	return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
