/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the apps that were recorded (golden/apps) and compares each event's data with the recorded
 * stream, field by field and in the recorded key order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/yaml.h"
#include "fixture.h"

static const struct {
	const char *stream, *app, *mode, *inputs, *system;
	const char *conversation; /* variables, JSON array, or NULL */
	bool text_only; /* nodes that run side by side here ran one after the other there */
} cases[] = {
	{ "workflow_echo", "wf_echo", "workflow", "{\"city\":\"Oslo\"}", "{}", NULL },
	{ "workflow_ifelse_true", "wf_ifelse", "workflow", "{\"n\":7}", "{}", NULL },
	{ "workflow_ifelse_elif", "wf_ifelse", "workflow", "{\"n\":4}", "{}", NULL },
	{ "workflow_ifelse_else", "wf_ifelse", "workflow", "{\"n\":1}", "{}", NULL },
	{ "workflow_inputs", "wf_inputs", "workflow",
	  "{\"t\":\"abc\",\"sel\":\"a\",\"num\":2.5,\"chk\":true,\"p\":\"dflt\",\"j\":{\"k\":1}}", "{}", NULL },
	{ "workflow_code", "wf_code", "workflow", "{\"name\":\"Ann\"}", "{}", NULL },
	{ "workflow_code_mixed_list", "wf_code_mixed_list", "workflow", "{}", "{}", NULL },
	{ "workflow_list_operator", "wf_list_operator", "workflow", "{}", "{}", NULL },
	{ "workflow_error", "wf_error", "workflow", "{}", "{}", NULL },
	{ "workflow_default_value", "wf_default_value", "workflow", "{}", "{}", NULL },
	{ "workflow_fail_branch", "wf_fail_branch", "workflow", "{}", "{}", NULL },
	{ "workflow_llm", "wf_llm", "workflow", "{\"q\":\"Hello there\"}", "{}", NULL },
	{ "workflow_structured", "wf_structured", "workflow", "{\"q\":\"Ann\"}", "{}", NULL },
	{ "chatflow_plain", "cf_plain", "advanced-chat", "{}",
	  "{\"query\":\"\xc3\x9cn\xc3\xaf" "code \xf0\x9f\x99\x82\",\"conversation_id\":\"c1\",\"dialogue_count\":1}", NULL },
	{ "chatflow_llm", "cf_llm", "advanced-chat", "{}",
	  "{\"query\":\"Hello there\",\"conversation_id\":\"c1\",\"dialogue_count\":1}", NULL },
	{ "chatflow_two_llm", "cf_two_llm", "advanced-chat", "{}",
	  "{\"query\":\"x\",\"conversation_id\":\"c1\",\"dialogue_count\":1}", NULL, true },
	{ "chatflow_convvar", "cf_convvar", "advanced-chat", "{}",
	  "{\"query\":\"one\",\"conversation_id\":\"c1\",\"dialogue_count\":1}",
	  "[{\"name\":\"count\",\"value_type\":\"number\",\"value\":0},{\"name\":\"log\",\"value_type\":\"array[string]\",\"value\":[]},{\"name\":\"obj\",\"value_type\":\"object\",\"value\":{\"k\":true}},{\"name\":\"flag\",\"value_type\":\"boolean\",\"value\":true}]" },
	{ "workflow_iteration", "wf_iteration", "workflow", "{}", "{}", NULL },
	{ "workflow_iteration_parallel", "wf_iteration_parallel", "workflow", "{}", "{}", NULL },
	{ "workflow_iteration_terminated", "wf_iteration_terminated", "workflow", "{}", "{}", NULL },
	{ "workflow_iteration_continue", "wf_iteration_continue", "workflow", "{}", "{}", NULL },
	{ "workflow_iteration_remove", "wf_iteration_remove", "workflow", "{}", "{}", NULL },
	{ "chatflow_iteration_answer", "cf_iteration_answer", "advanced-chat", "{}",
	  "{\"query\":\"x\",\"conversation_id\":\"c1\",\"dialogue_count\":1}", NULL },
	{ "workflow_loop", "wf_loop", "workflow", "{}", "{}", NULL },
	{ "chatflow_loop_answer", "cf_loop", "advanced-chat", "{}",
	  "{\"query\":\"x\",\"conversation_id\":\"c1\",\"dialogue_count\":1}", NULL },
};

static struct str read_shared(struct arena *mem, const char *folder, const char *name, const char *ext)
{
	const char *shared = getenv("TATARA_SHARED");
	static char path[512];
	snprintf(path, sizeof(path), "%s/golden/%s/%s.%s", shared ? shared : SHARED_DEFAULT, folder, name, ext);
	FILE *f = fopen(path, "rb");
	if (!f)
		return S("");
	struct buf b = buf_make(mem, 0);
	static char chunk[4096];
	size_t n;
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_put(&b, str_of(chunk, n));
	fclose(f);
	return buf_str(&b);
}

/* --- comparing --- */

static bool number(const struct json *v)
{
	return v->type == JSON_INT || v->type == JSON_FLOAT;
}

static bool same(const struct json *want, const struct json *got, struct buf *path, struct buf *why);

static bool differ(struct buf *path, struct buf *why, const struct json *want, const struct json *got)
{
	if (!why->len) {
		buf_printf(why, "%.*s: want ", STR(buf_str(path)));
		json_write(why, want, JSON_COMPACT);
		buf_puts(why, " got ");
		json_write(why, got, JSON_COMPACT);
	}
	return false;
}

static bool placeholder(struct str s)
{
	size_t open = str_find_char(s, '<'), hash = str_find_char(s, '#');
	return open != SIZE_MAX && (hash != SIZE_MAX || str_has(s, S("_id")) || str_starts(s, S("<int")) ||
				    str_starts(s, S("<float")));
}

/* Tracebacks name files and lines of the recorded sandbox: what was raised must be the same. */
static bool same_traceback(struct str want, struct str got)
{
	struct str head = S("process exited with code "), w = str_trim(want), g = str_trim(got);
	size_t from = str_rfind_char(w, '\n');
	return str_starts(w, head) && str_starts(g, head) && from != SIZE_MAX && str_has(w, S("Traceback")) &&
	       str_has(g, S("Traceback")) && str_ends(g, str_skip(w, from));
}

static bool same_text(const struct json *want, const struct json *got)
{
	struct str w = json_as_str(want, S(""));
	if (str_starts(w, S("<int timestamp")) || str_starts(w, S("<int>")))
		return got->type == JSON_INT;
	if (str_starts(w, S("<float>")))
		return got->type == JSON_FLOAT;
	if (str_starts(w, S("<int or float>")))
		return number(got);
	return (placeholder(w) && got->type == JSON_STR) || json_equal(want, got) ||
	       same_traceback(w, json_as_str(got, S("")));
}

static bool same_members(const struct json *want, const struct json *got, struct buf *path, struct buf *why)
{
	if (got->type != JSON_OBJ || got->len != want->len)
		return differ(path, why, want, got);
	for (size_t i = 0; i < want->len; i++) {
		size_t mark = path->len;
		buf_printf(path, ".%.*s", STR(want->members[i].name));
		if (!str_eq(want->members[i].name, got->members[i].name))
			return differ(path, why, want, got);
		if (!same(&want->members[i].value, &got->members[i].value, path, why))
			return false;
		path->len = mark;
	}
	return true;
}

static bool same(const struct json *want, const struct json *got, struct buf *path, struct buf *why)
{
	if (want->type == JSON_OBJ)
		return same_members(want, got, path, why);
	if (want->type == JSON_ARR) {
		if (got->type != JSON_ARR || got->len != want->len)
			return differ(path, why, want, got);
		for (size_t i = 0; i < want->len; i++)
			if (!same(&want->items[i], &got->items[i], path, why))
				return false;
		return true;
	}
	if (want->type == JSON_STR ? same_text(want, got) : want->type == got->type && json_equal(want, got))
		return true;
	/* Texts that print an object with times, and counts of tokens, differ by nature. */
	if (str_ends(buf_str(path), S("tokens")) && number(want) && number(got))
		return true;
	return differ(path, why, want, got);
}

/* --- the recorded stream --- */

struct recorded {
	struct str name;
	const struct json *data; /* of chunks: the whole event */
};

/* The recorded server closes a model's stream once or twice: one empty piece is ours. */
static size_t read_stream(struct arena *mem, struct str text, bool text_only, struct recorded *out,
			  size_t max)
{
	size_t n = 0;
	bool was_empty = false;
	while (text.len && n < max) {
		struct str l = str_cut(&text, '\n');
		struct json *e;
		if (!str_starts(l, S("data: ")))
			continue;
		assert_int_equal(json_parse(mem, str_skip(l, 6), &e), 0);
		struct str name = json_get_str(e, S("event"));
		if (str_eq(name, S("message_end")))
			continue;
		bool chunk = str_eq(name, S("message")) || str_eq(name, S("text_chunk"));
		const struct json *d = str_eq(name, S("message")) ? e : json_get(e, S("data"));
		struct str t = json_get_str(d, str_eq(name, S("message")) ? S("answer") : S("text"));
		if (chunk && !t.len && was_empty)
			continue;
		if (!chunk && text_only)
			continue;
		was_empty = chunk && !t.len;
		out[n++] = (struct recorded){ chunk ? S("text_chunk") : name, d };
	}
	return n;
}

static bool same_chunk(const struct json *want, const struct flow_event *e, struct arena *mem)
{
	struct json *selector = NULL;
	struct str text = json_get_str(want, S("text"));
	if (!json_get(want, S("text")))
		text = json_get_str(want, S("answer"));
	assert_int_equal(json_parse(mem, e->selector, &selector), 0);
	/* The usage of a model as text holds its times. */
	bool timed = str_has(text, S("\"latency\""));
	return (timed || str_eq(text, e->text) || same_traceback(text, e->text)) &&
	       json_equal(selector, json_get(want, S("from_variable_selector")));
}

static int compare(struct fixture *f, struct str id, const struct recorded *want, size_t n, bool text_only)
{
	struct flow_feed *feed;
	size_t i = 0;
	int bad = 0;
	assert_int_equal(flow_follow(f->flow, id, 0, &feed), 0);
	for (bool end = false; !end && !bad;) {
		struct flow_event e;
		struct buf path = buf_make(f->mem, 0), why = buf_make(f->mem, 0);
		struct json *d;
		assert_int_equal(flow_feed_next(feed, f->mem, &e, &end, deadline_in_ms(PATIENCE_MS)), 0);
		if (end)
			break;
		if (text_only && e.type != FLOW_CHUNK)
			continue;
		if (i == n || !str_eq(want[i].name, flow_event_name(e.type))) {
			print_error("event %zu: want %.*s got %.*s %.*s\n", i, STR(i < n ? want[i].name : S("end")),
				    STR(flow_event_name(e.type)), STR(e.data));
			bad = 1;
			break;
		}
		assert_int_equal(json_parse(f->mem, e.data, &d), 0);
		if (e.type == FLOW_CHUNK ? !same_chunk(want[i].data, &e, f->mem) : !same(want[i].data, d, &path, &why)) {
			print_error("event %zu %.*s: %.*s\n  %.*s\n", i, STR(want[i].name), STR(buf_str(&why)), STR(e.data));
			bad = 1;
		}
		i++;
	}
	if (!bad && i != n) {
		print_error("only %zu of %zu events\n", i, n);
		bad = 1;
	}
	flow_feed_close(feed);
	return bad;
}

static int one(struct fixture *f, size_t c)
{
	static struct recorded want[500];
	struct str app = read_shared(f->mem, "apps", cases[c].app, "yml");
	struct str stream = read_shared(f->mem, "streams", cases[c].stream, "sse");
	struct json *y, *in, *sys, *conv = NULL;
	struct flow_graph *g;
	struct str id;
	if (!app.len || !stream.len) {
		print_message("%s: skipped, the recordings are not at hand (TATARA_SHARED)\n", cases[c].stream);
		return getenv("TATARA_SHARED") != NULL;
	}
	assert_int_equal(yaml_parse(f->mem, app, &y), 0);
	assert_int_equal(flow_graph_load(f->flow, S(""), json_path(y, "workflow.graph"), &g), 0);
	assert_int_equal(json_parse(f->mem, str_c(cases[c].inputs), &in), 0);
	assert_int_equal(json_parse(f->mem, str_c(cases[c].system), &sys), 0);
	if (cases[c].conversation)
		assert_int_equal(json_parse(f->mem, str_c(cases[c].conversation), &conv), 0);
	assert_int_equal(flow_check_inputs(f->flow, f->mem, S("t1"), flow_graph_variables(g), in, &in), 0);
	struct flow_start start = {
		.info = { .tenant_id = S("t1"), .app_id = S("app1"), .workflow_id = S("wf1"),
			  .app_mode = str_c(cases[c].mode), .from = S("app-run"), .created_by = S("eu1"),
			  .user = S("u1") },
		.graph = g, .inputs = in, .system = sys, .conversation = conv,
	};
	assert_int_equal(flow_run_start(f->flow, f->mem, &start, &id), 0);
	int bad = compare(f, id, want, read_stream(f->mem, stream, cases[c].text_only, want, countof(want)),
			  cases[c].text_only);
	if (bad)
		print_error("^^^ %s\n", cases[c].stream);
	flow_graph_unref(g);
	return bad;
}

static status golden_main(void *arg)
{
	struct fixture f = { 0 };
	int *bad = arg;
	fixture_open(&f, S(""), "golden", 0);
	for (size_t c = 0; c < countof(cases); c++)
		*bad += one(&f, c);
	fixture_close(&f);
	return 0;
}

static void golden(void **state)
{
	int bad = 0;
	(void)state;
	assert_int_equal(rt_run(NULL, golden_main, &bad), 0);
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(golden) };
	return cmocka_run_group_tests_name("flow_golden", tests, NULL, NULL);
}
