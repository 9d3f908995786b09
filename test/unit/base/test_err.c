/* SPDX-License-Identifier: Apache-2.0 */
/* err and log. */
#include "test.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void the_table_of_kinds(void **unused)
{
	err_set(ERR_NOT_FOUND, "app %d", 5);
	assert_int_equal(err_code(), ERR_NOT_FOUND);
	assert_str(err_text(), "app 5");
	assert_int_equal(err_http(err_last()), 404);
	assert_str(err_slug(err_last()), "not_found");
	assert_false(err_retryable(err_last()));
	assert_string_equal(err_name(ERR_NOT_FOUND), "NOT_FOUND");
	assert_non_null(strstr(err_last()->file, "test_err.c"));
	err_public(ERR_INVALID, "app_unavailable", 422, "no %s", "app");
	assert_int_equal(err_http(err_last()), 422);
	assert_str(err_slug(err_last()), "app_unavailable");
	err_set(ERR_BUSY, "again");
	assert_int_equal(err_http(err_last()), 429);
	assert_str(err_slug(err_last()), "too_many_requests");
	assert_true(err_retryable(err_last()));
	for (int c = 1; c < ERR_COUNT; c++) {
		err_set((enum err_code)c, "x");
		assert_true(err_http(err_last()) >= 400 && err_http(err_last()) < 600);
		assert_true(err_slug(err_last()).len > 0);
	}
	err_clear();
	assert_int_equal(err_code(), ERR_NONE);
}

static void arguments_may_come_from_the_record(void **unused)
{
	err_set(ERR_IO, "inner");
	err_set(ERR_UPSTREAM, "outer: %s", err_last()->text);
	assert_str(err_text(), "outer: inner");
	err_detail("a=%d", 1);
	err_detail("b=%s", err_last()->detail);
	assert_string_equal(err_last()->detail, "a=1; b=a=1");
}

static void frames_keep_the_first_three_and_the_last(void **unused)
{
	err_set(ERR_IO, "x");
	for (int i = 0; i < 6; i++)
		assert_int_equal(err_wrap("step %d", i), -1);
	assert_int_equal(err_last()->frames, 4);
	assert_string_equal(err_last()->frame[0].text, "step 0");
	assert_string_equal(err_last()->frame[2].text, "step 2");
	assert_string_equal(err_last()->frame[3].text, "step 5");
	assert_str(err_text(), "x");
	err_clear();
	err_wrap("nothing happened before");
	assert_int_equal(err_code(), ERR_INTERNAL);
}

static void long_texts_end_at_a_character(void **unused)
{
	static const char *const pieces[] = { "a", "\xC3\xA9", "\xE3\x81\x82", "\xF0\x9F\x98\x80" };
	for (size_t p = 0; p < countof(pieces); p++) {
		for (size_t lead = 0; lead < 5; lead++) {
			static char big[3000];
			memset(big, 0, sizeof(big));
			memset(big, 'x', lead);
			while (strlen(big) < 2500)
				memcpy(big + strlen(big), pieces[p], strlen(pieces[p]) + 1);
			err_set(ERR_IO, "%s", big);
			assert_true(utf8_valid(err_text()));
			assert_true(err_text().len >= ERR_TEXT_MAX - 4);
			err_detail("%s", big);
			err_detail("%s", big);
			assert_true(utf8_valid(str_c(err_last()->detail)));
			err_wrap("%s", big);
			assert_true(utf8_valid(str_c(err_last()->frame[0].text)));
		}
	}
}

static void records_can_be_kept_and_switched(void **unused)
{
	static struct err saved, fiber;
	err_set(ERR_DENIED, "first");
	err_save(&saved);
	err_set(ERR_IO, "second");
	assert_int_equal(err_restore(&saved), -1);
	assert_str(err_text(), "first");
	err_use(&fiber);
	err_set(ERR_TIMEOUT, "in the fiber");
	assert_ptr_equal(err_last(), &fiber);
	err_use(NULL);
	assert_str(err_text(), "first");
}

static void errno_picks_the_kind(void **unused)
{
	static const struct {
		int n;
		enum err_code want;
	} rows[] = {
		{ ENOENT, ERR_NOT_FOUND }, { ENOSPC, ERR_FULL }, { EMFILE, ERR_UNAVAILABLE },
		{ ETIMEDOUT, ERR_TIMEOUT }, { ECONNRESET, ERR_CLOSED }, { EIO, ERR_IO },
		{ ECONNREFUSED, ERR_UNAVAILABLE }, { 99999, ERR_IO },
	};
	for (size_t i = 0; i < countof(rows); i++) {
		errno = rows[i].n;
		assert_fails(err_errno("open %s", "x"), rows[i].want);
		assert_true(str_starts(err_text(), S("open x: ")));
	}
}

static int64_t fixed_time(void)
{
	return 1767323045678;
}

static struct str logged(struct arena *mem, FILE *f)
{
	char *text = arena_text(mem, 70000);
	fflush(f);
	ssize_t n = pread(fileno(f), text, 70000, 0);
	assert_true(n >= 0);
	assert_int_equal(ftruncate(fileno(f), 0), 0);
	assert_int_equal(lseek(fileno(f), 0, SEEK_SET), 0);
	return str_of(text, (size_t)n);
}

static void log_lines_are_json(void **unused)
{
	AUTO(arena) mem = { arena_open(0) };
	FILE *f = tmpfile();
	struct json *line;
	struct log_context context = { S("req-1"), S(""), S("ten\"ant") };
	clock_override(fixed_time);
	log_setup(LOG_INFO, true, "api");
	log_fd(fileno(f));
	log_use(&context);
	log_debug("not shown");
	log_info("hello \"%s\"\n\xFF", "w\xC3\xB6rld");
	struct str s = logged(mem.p, f);
	assert_true(str_ends(s, S("}\n")));
	assert_int_equal(json_parse(mem.p, s, &line), 0);
	assert_str(json_get_str(line, S("ts")), "2026-01-02T03:04:05.678Z");
	assert_str(json_get_str(line, S("level")), "info");
	assert_str(json_get_str(line, S("role")), "api");
	assert_int_equal(json_get_int(line, S("pid"), 0), getpid());
	assert_str(json_get_str(line, S("msg")), "hello \"w\xC3\xB6rld\"\n\xEF\xBF\xBD");
	assert_str(json_get_str(line, S("request_id")), "req-1");
	assert_null(json_get(line, S("run_id")));
	assert_str(json_get_str(line, S("tenant_id")), "ten\"ant");
	err_set(ERR_UPSTREAM, "no answer");
	err_detail("peer %d", 7);
	err_wrap("load");
	log_err(LOG_ERROR, "request failed");
	s = logged(mem.p, f);
	assert_int_equal(json_parse(mem.p, s, &line), 0);
	assert_str(json_as_str(json_path(line, "err.code"), S("")), "UPSTREAM");
	assert_str(json_as_str(json_path(line, "err.text"), S("")), "no answer");
	assert_str(json_as_str(json_path(line, "err.detail"), S("")), "peer 7");
	assert_true(str_has(json_as_str(json_path(line, "err.site"), S("")), S("test_err.c:")));
	struct str frame = json_as_str(json_at(json_path(line, "err.chain"), 0), S(""));
	assert_true(str_ends(frame, S(": load")));
	log_use(NULL);
	fclose(f);
	clock_override(NULL);
}

static void text_lines_cannot_be_forged(void **unused)
{
	AUTO(arena) mem = { arena_open(0) };
	FILE *f = tmpfile();
	log_setup(LOG_DEBUG, false, "worker");
	log_fd(fileno(f));
	log_warn("a\nb\033[31m%s", "c");
	struct str s = logged(mem.p, f);
	assert_true(str_has(s, S(" warn  worker[")));
	assert_true(str_ends(s, S("] a\\nb\\x1b[31mc\n")));
	assert_int_equal(str_find_char(s, '\n'), s.len - 1);
	fclose(f);
}

static void a_full_pipe_drops_lines_and_tells(void **unused)
{
	AUTO(arena) mem = { arena_open(0) };
	int p[2];
	assert_int_equal(pipe(p), 0);
	log_setup(LOG_INFO, true, "x");
	log_fd(p[1]);
	char *text = arena_text(mem.p, 1 << 20);
	memset(text, 'x', 2000);
	text[2000] = 0;
	for (int i = 0; i < 200; i++)
		log_info("%s", text);
	memset(text, '\x01', 2000);
	log_info("%s", text); /* 12 KB as JSON: more than a writable pipe promises */
	ssize_t n;
	size_t got = 0;
	assert_int_equal(fcntl(p[0], F_SETFL, O_NONBLOCK), 0);
	while ((n = read(p[0], text, 1 << 20)) > 0)
		got += (size_t)n;
	assert_in_range(got, 16000, 66000);
	log_info("after");
	n = read(p[0], text, 1 << 20);
	assert_true(n > 0);
	assert_true(str_has(str_of(text, (size_t)n), S("\"msg\":\"after\",\"dropped\":")));
	log_setup(LOG_INFO, true, "x");
	log_fd(STDERR_FILENO);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_of_kinds),
		cmocka_unit_test(arguments_may_come_from_the_record),
		cmocka_unit_test(frames_keep_the_first_three_and_the_last),
		cmocka_unit_test(long_texts_end_at_a_character),
		cmocka_unit_test(records_can_be_kept_and_switched),
		cmocka_unit_test(errno_picks_the_kind),
		cmocka_unit_test(log_lines_are_json),
		cmocka_unit_test(text_lines_cannot_be_forged),
		cmocka_unit_test(a_full_pipe_drops_lines_and_tells),
	};
	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
