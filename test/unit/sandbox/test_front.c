/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies, lists of system calls, texts of failures: the pure parts of the front. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "sandbox/api_body.h"
#include "sandbox/front.h"

static void bodies(void **state)
{
	static const char json[] = "application/json", form[] = "application/x-www-form-urlencoded";
	static const struct {
		const char *type, *body;
		status want;
		const char *error, *language, *code;
		bool network, is_json;
	} cases[] = {
		{ json, "{\"language\":\"python3\",\"code\":\"x\"}", 0, "", "python3", "x", false, true },
		{ "application/json; charset=utf-8", "{\"language\":\"nodejs\",\"code\":\"x\",\"enable_network\":true,"
		  "\"dependencies\":[],\"preload\":null}", 0, "", "nodejs", "x", true, true },
		{ "Application/JSON", "{\"language\":\"a\",\"code\":\"b\"}", 0, "", "a", "b", false, true },
		{ json, "{\"code\":\"x\"}", -1, "Language", "", "", false, true },
		{ json, "{\"language\":\"python3\"}", -1, "Code", "", "", false, true },
		{ json, "{\"language\":\"python3\",\"code\":\"\"}", -1, "Code", "", "", false, true },
		{ json, "{\"language\":1,\"code\":\"x\"}", -1, "Language", "", "", false, true },
		{ json, "{\"language\":\"python3\",\"code\":[]}", -1, "Code", "", "", false, true },
		{ json, "{\"language\":\"python3\",\"code\":\"x\",\"enable_network\":\"yes\"}", -1, "EnableNetwork", "", "", false, true },
		{ json, "", -1, "JSON", "", "", false, true },
		{ json, "[]", -1, "object", "", "", false, true },
		{ json, "{\"language\":", -1, "JSON", "", "", false, true },
		{ form, "language=python3&code=print%281%29+%2B&enable_network=1", 0, "", "python3", "print(1) +", true, false },
		{ form, "code=x", -1, "Language", "", "", false, false },
		{ form, "language=python3&code=x&enable_network=maybe", -1, "EnableNetwork", "", "", false, false },
		{ "", "language=nodejs&code=x", 0, "", "nodejs", "x", false, false },
	};
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct run_body q;
		bool is_json;
		status got = run_body_parse(mem.p, str_c(cases[i].type), str_c(cases[i].body), &q, &is_json);
		if (got != cases[i].want || is_json != cases[i].is_json)
			fail_msg("%s: got %d", cases[i].body, got);
		if (got && !str_has(err_text(), str_c(cases[i].error)))
			fail_msg("%s: error is \"%.*s\"", cases[i].body, STR(err_text()));
		if (!got && (!str_eq(q.language, str_c(cases[i].language)) || !str_eq(q.code, str_c(cases[i].code)) ||
			     q.enable_network != cases[i].network))
			fail_msg("%s: read as %.*s, %.*s", cases[i].body, STR(q.language), STR(q.code));
	}
}

static void syscall_lists(void **state)
{
	static const struct {
		const char *text;
		status want;
		uint32_t len;
	} cases[] = {
		{ "", 0, 0 },		  { "umask", 0, 1 },	    { "umask, chdir\t 95", 0, 3 }, { "599", 0, 1 },
		{ ",,,", 0, 0 },	  { "600", -1, 0 },	    { "-1", -1, 0 },		   { "no_such_call", -1, 0 },
		{ "umask,ptrace", -1, 0 }, { "execve", -1, 0 },	    { "seccomp", -1, 0 },	   { "io_uring_setup", -1, 0 },
#ifdef __x86_64__
		{ "101", -1, 0 } /* ptrace by its number */,
#endif
	};
	uint16_t out[WIRE_EXTRA_MAX];
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		uint32_t len = 0;
		status got = sandbox_parse_syscalls(str_c(cases[i].text), out, &len);
		if (got != cases[i].want || len != cases[i].len)
			fail_msg("\"%s\": got %d, %u entries", cases[i].text, got, len);
	}
	/* One more than there is room for. */
	char many[4 * (WIRE_EXTRA_MAX + 1) + 1] = "";
	uint32_t len;
	for (int i = 0; i <= WIRE_EXTRA_MAX; i++)
		memcpy(many + 4 * i, "95, ", 5);
	assert_int_equal(sandbox_parse_syscalls(str_c(many), out, &len), -1);
	assert_int_equal(err_code(), ERR_TOO_LARGE);
}

static void error_texts(void **state)
{
	static const struct {
		int code;
		const char *reason, *err, *want;
	} cases[] = {
		{ 0, "", "warning\n", "" },
		{ 7, "", "", "process exited with code 7" },
		{ 255, "", "Traceback\n", "process exited with code 255\nTraceback\n" },
		{ -1, "error: timeout\n", "", "process exited with code -1\nerror: timeout\n" },
		{ -1, "error: timeout\n", "half", "process exited with code -1\nerror: timeout\nhalf" },
	};
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct str got = front_error_text(mem.p, cases[i].code, cases[i].reason, str_c(cases[i].err));
		if (!str_eq(got, str_c(cases[i].want)))
			fail_msg("case %zu: \"%.*s\"", i, STR(got));
	}
}

static void broken_bytes(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "abc", "abc" },	    { "\xe6\x97\xa5", "\xe6\x97\xa5" }, { "a\xff" "b", "a\xef\xbf\xbd" "b" },
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },	{ "\xe6", "\xef\xbf\xbd" },
	};
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct str got = front_utf8(mem.p, str_c(cases[i].in));
		if (!str_eq(got, str_c(cases[i].want)) || !utf8_valid(got))
			fail_msg("case %zu: %zu bytes", i, got.len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies), cmocka_unit_test(syscall_lists), cmocka_unit_test(error_texts),
		cmocka_unit_test(broken_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
