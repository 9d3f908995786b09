/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox's client against a server that really runs the programs, and against broken ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "net/client.h"
#include "rt/rt.h"
#include "test/component/tool/sandbox_stub.h"
#include "tool/code.h"

static int bad;

static void check(bool ok, const char *what, struct str got)
{
	if (ok)
		return;
	bad++;
	print_error("%s\n  got: %.*s\n", what, STR(got));
}

struct stage {
	struct arena *mem;
	struct client *client;
	struct sandbox_stub stub;
	struct code_service *code;
};

static struct code_service *service(struct stage *s, struct str endpoint, struct str key, int64_t read_ms)
{
	struct code_options o = { .client = s->client, .endpoint = endpoint, .key = key,
				  .connect_ms = 2000, .read_ms = read_ms };
	struct code_service *c;
	if (code_open(&o, &c))
		abort();
	return c;
}

/* --- programs --- */

static const struct {
	enum code_language language;
	const char *code, *inputs;
	const char *result; /* JSON, or NULL: */
	const char *error;  /* stands in the failure's text */
} programs[] = {
	{ CODE_PYTHON3, "def main(a, b):\n    return {'sum': a + b}", "{\"a\":1,\"b\":2}", "{\"sum\":3}", NULL },
	{ CODE_PYTHON3, "def main(**kw):\n    return kw", "{\"t\":\"\xe3\x81\x82 '''\\u0000 <<x>>\",\"n\":null,\"f\":1.5}",
	  "{\"t\":\"\xe3\x81\x82 '''\\u0000 <<x>>\",\"n\":null,\"f\":1.5}", NULL },
	{ CODE_PYTHON3, "print('noise')\ndef main():\n    print('more')\n    return {'x': ['1.5e+10', {'y': '-2E-3'}, '1.5e10', 'e+1']}",
	  "{}", "{\"x\":[15000000000.0,{\"y\":-0.002},\"1.5e10\",\"e+1\"]}", NULL },
	{ CODE_PYTHON3, "def main():\n    raise ValueError('boom')", "{}", NULL, "line 2, in main\nValueError: boom" },
	{ CODE_PYTHON3, "def main():\n    return [1]", "{}", NULL, "result must be a dict, got type list" },
	{ CODE_PYTHON3, "def main():\n    return None", "{}", NULL, "result must be a dict, got type NoneType" },
	{ CODE_PYTHON3, "import os\ndef main():\n    os.write(1, b'bye')\n    os._exit(0)", "{}", NULL, "no result tag found" },
	{ CODE_PYTHON3, "def main():\n    print('<<RESULT>>')\n    return {}", "{}", NULL, "Failed to parse JSON" },
	{ CODE_PYTHON3, "def main(a):\n    return {}", "{}", NULL, "missing 1 required positional argument: 'a'" },
	{ CODE_PYTHON3, "x = 1", "{}", NULL, "name 'main' is not defined" },
	{ CODE_JAVASCRIPT, "function main({a}) { return {up: a.toUpperCase(), n: a.length} }", "{\"a\":\"\xc3\xa4z\"}",
	  "{\"up\":\"\xc3\x84Z\",\"n\":2}", NULL },
	{ CODE_JAVASCRIPT, "async function main({a}) { await new Promise(r => setTimeout(r, 5)); return {a} } // end", "{\"a\":[1]}",
	  "{\"a\":[1]}", NULL },
	{ CODE_JAVASCRIPT, "function main() { throw new Error('boom') }", "{}", NULL, "Error: boom" },
	{ CODE_JAVASCRIPT, "function main() { }", "{}", NULL, "Failed to parse JSON" },
};

static void run_programs(struct stage *s)
{
	for (size_t i = 0; i < countof(programs); i++) {
		struct json *in, *out = NULL, *want;
		bool python = programs[i].language == CODE_PYTHON3;
		if (!sandbox_stub_has(python ? "python3" : "node")) {
			print_message("no %s here\n", python ? "python3" : "node");
			continue;
		}
		assert_int_equal(json_parse(s->mem, str_c(programs[i].inputs), &in), 0);
		status st = code_main(s->code, s->mem, programs[i].language, str_c(programs[i].code), in, &out);
		if (programs[i].error) {
			check(st && str_has(err_text(), str_c(programs[i].error)) && err_code() == ERR_INVALID,
			      programs[i].code, st ? err_text() : S("success"));
			continue;
		}
		assert_int_equal(json_parse(s->mem, str_c(programs[i].result), &want), 0);
		check(!st && json_equal(out, want), programs[i].code,
		      st ? err_text() : json_text(s->mem, out, JSON_COMPACT));
	}
}

static void run_jinja(struct stage *s)
{
	struct json *in;
	struct str out = S("");
	assert_int_equal(json_parse(s->mem, S("{\"rows\":[1,2],\"t\":\"<<RESULT>>\"}"), &in), 0);
	status st = code_jinja(s->code, s->mem, S("{% for r in rows %}{{ r }};{% endfor %}{{ t }}'''\n\xe3\x81\x82\n"), in, &out);
	/* The real library may be absent where the tests run: then the failure must say so. */
	if (st)
		check(str_has(err_text(), S("jinja2")), "jinja", err_text());
	else
		check(str_eq(out, S("1;2;<<RESULT>>'''\n\xe3\x81\x82")), "jinja", out);
}

/* --- what a long error text becomes --- */

static void long_error(struct stage *s)
{
	struct json *out;
	status st = code_main(s->code, s->mem, CODE_PYTHON3,
			      S("def main():\n    raise ValueError('\xe3\x81\x82' * 2000 + 'the end')"), NULL, &out);
	check(st && str_ends(str_trim(err_text()), S("the end")) && utf8_valid(err_text()), "long error", err_text());
	struct code_answer *a;
	st = code_run(s->code, s->mem, CODE_PYTHON3, S("raise ValueError('x' * 5000)"), S(""), &a);
	check(!st && a->error.len > 5000, "the whole error", st ? err_text() : a->error);
}

/* --- answers that are none --- */

static const struct {
	int status;
	const char *body;
	enum err_code code;
	const char *text;
} answers[] = {
	{ 503, "{\"code\":-503,\"message\":\"Too many requests\",\"data\":null}", ERR_UNAVAILABLE, "Code execution service is unavailable" },
	{ 401, "", ERR_UPSTREAM, "status code 401, please check if the sandbox service is running and takes the key" },
	{ 404, "nope", ERR_UPSTREAM, "status code 404" },
	{ 200, "not json", ERR_UPSTREAM, "Failed to parse" },
	{ 200, "[1]", ERR_UPSTREAM, "Failed to parse" },
	{ 200, "{\"code\":-400,\"message\":\"unsupported language\",\"data\":null}", ERR_UPSTREAM, "Got error code: -400. Got error msg: unsupported language" },
	{ 200, "{\"code\":0,\"message\":\"success\",\"data\":{\"stdout\":\"\",\"error\":\"error: timeout\\n\"}}", ERR_INVALID, "error: timeout" },
	{ 200, "{\"code\":0,\"message\":\"success\",\"data\":null}", ERR_INVALID, "no result tag found" },
};

static void broken_answers(struct stage *s)
{
	for (size_t i = 0; i < countof(answers); i++) {
		struct json *out;
		s->stub.answer_status = answers[i].status;
		s->stub.answer = str_c(answers[i].body);
		status st = code_main(s->code, s->mem, CODE_PYTHON3, S("def main(): return {}"), NULL, &out);
		check(st && err_code() == answers[i].code && str_has(err_text(), str_c(answers[i].text)),
		      answers[i].text, st ? err_text() : S("success"));
	}
	s->stub.answer_status = 0;
}

static void absent(struct stage *s)
{
	struct json *out;
	const struct {
		struct str endpoint, key, text;
		int64_t read_ms;
		int pause_ms;
		enum err_code code;
	} rows[] = {
		{ S("http://127.0.0.1:1"), S("k"), S("no sandbox answers at http://127.0.0.1:1"), 20000, 0, ERR_UNAVAILABLE },
		{ S("unix:/nowhere/sandbox.sock"), S("k"), S("/nowhere/sandbox.sock"), 20000, 0, ERR_UNAVAILABLE },
		{ arena_printf(s->mem, "http://%.*s/", STR(s->stub.address)), S("wrong"), S("status code 401"), 20000, 0, ERR_UPSTREAM },
		{ arena_printf(s->mem, "http://%.*s", STR(s->stub.address)), S("k"), S("in time"), 50, 60000, ERR_TIMEOUT },
	};
	for (size_t i = 0; i < countof(rows); i++) {
		struct code_service *c = service(s, rows[i].endpoint, rows[i].key, rows[i].read_ms);
		s->stub.pause_ms = rows[i].pause_ms;
		status st = code_main(c, s->mem, CODE_PYTHON3, S("def main(): return {}"), NULL, &out);
		check(st && err_code() == rows[i].code && str_has(err_text(), rows[i].text), "absent",
		      st ? err_text() : S("success"));
		code_close(c);
	}
	s->stub.pause_ms = 0;
	struct code_options o = { .client = s->client, .endpoint = S("sandbox:8194") };
	struct code_service *c;
	check(code_open(&o, &c) && str_has(err_text(), S("CODE_EXECUTION_ENDPOINT")), "no scheme", err_text());
}

/* What an administrator chose for an app, and whether its programs are given a network. */
static const struct {
	const char *profiles, *app, *want; /* want NULL: the setting is refused */
	bool network;
} profiles[] = {
	{ "", "a", "", true },
	{ "a=pure", "a", "pure", false },
	{ "a=pure", "b", "", true },
	{ "a=pure", "", "", true },
	{ "*=data", "b", "data", false },
	{ "*=data", "", "data", false },
	{ "*=pure, b = network ,", "b", "network", true },
	{ "b=network,*=pure", "a", "pure", false },
	{ "ab=pure", "a", "", true },
	{ "a=root", "a", NULL, false },
	{ "a", "a", NULL, false },
	{ "=pure", "a", NULL, false },
};

static void choose_profiles(struct stage *s)
{
	for (size_t i = 0; i < countof(profiles); i++) {
		struct code_options o = { .client = s->client, .endpoint = arena_printf(s->mem, "http://%.*s", STR(s->stub.address)),
					  .key = S("k"), .profiles = str_c(profiles[i].profiles) };
		struct code_service *c = NULL;
		struct code_answer *a;
		struct json *q;
		status st = code_open(&o, &c);
		if (!profiles[i].want) {
			check(st && str_has(err_text(), S("CODE_EXECUTION_PROFILES")), profiles[i].profiles, st ? err_text() : S("taken"));
			continue;
		}
		assert_int_equal(st, 0);
		struct str app = str_c(profiles[i].app);
		check(str_eq(code_profile(c, app), str_c(profiles[i].want)), profiles[i].profiles, code_profile(c, app));
		assert_int_equal(code_run(c, s->mem, CODE_JINJA2, S("print(1)"), app, &a), 0);
		assert_int_equal(json_parse(s->mem, s->stub.last, &q), 0);
		check(json_get_bool(q, S("enable_network"), !profiles[i].network) == profiles[i].network &&
			      str_eq(json_get_str(q, S("language")), S("python3")), profiles[i].profiles, s->stub.last);
		code_close(c);
	}
}

/* What goes over the wire is the contract with other sandboxes. */
static void wire(struct stage *s)
{
	struct code_answer *a;
	struct json *q, *want;
	assert_int_equal(code_run(s->code, s->mem, CODE_JAVASCRIPT, S("1"), S(""), &a), 0);
	assert_int_equal(json_parse(s->mem, s->stub.last, &q), 0);
	assert_int_equal(json_parse(s->mem, S("{\"language\":\"nodejs\",\"code\":\"1\",\"preload\":\"\",\"enable_network\":true}"), &want), 0);
	check(json_equal(q, want), "wire", s->stub.last);
}

static status code_test(void *arg)
{
	struct stage s = { .mem = arena_open(0) };
	struct client_options o = { 0 };
	(void)arg;
	assert_int_equal(client_open(&o, &s.client), 0);
	sandbox_stub_open(&s.stub, s.mem);
	s.code = service(&s, arena_printf(s.mem, "http://%.*s", STR(s.stub.address)), S("k"), 20000);
	run_programs(&s);
	run_jinja(&s);
	long_error(&s);
	wire(&s);
	choose_profiles(&s);
	broken_answers(&s);
	absent(&s);
	code_close(s.code);
	sandbox_stub_close(&s.stub);
	client_close(s.client);
	arena_close(s.mem);
	return 0;
}

static void code(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, code_test, NULL), 0);
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(code) };
	return cmocka_run_group_tests_name("tool_code", tests, NULL, NULL);
}
