/* SPDX-License-Identifier: Apache-2.0 */
/* config and embed. */
#include "test.h"

#include "base/config.h"
#include "base/embed.h"
#include "base/map.h"

static void the_table_is_sound(void **unused)
{
	AUTO(arena) mem = { arena_open(0) };
	struct map seen = map_make(mem.p);
	static int x;
	struct config *c;
	for (size_t i = 0; i < CONFIG_COUNT; i++) {
		const struct config_row *row = &config_rows[i];
		if (map_set(&seen, str_c(row->name), &x))
			fail_msg("%s is there twice", row->name);
		assert_true(row->help[0] && row->group[0]);
		struct str name = str_c(row->name);
		bool secret = str_ends(name, S("_PASSWORD")) || str_ends(name, S("SECRET_KEY")) ||
			      str_ends(name, S("_API_KEY")) || str_ends(name, S("_SECRET"));
		if (secret && !row->secret)
			fail_msg("%s is a secret", row->name);
	}
	assert_true(CONFIG_COUNT > 350);
	/* Every default has its type. */
	assert_int_equal(config_load(mem.p, NULL, S(""), &c), 0);
	assert_str(config_str(c, CONFIG_TATARA_LISTEN), "127.0.0.1:8080");
	assert_str(config_str(c, CONFIG_DB_TYPE), "");
	assert_int_equal(config_int(c, CONFIG_FILES_ACCESS_TIMEOUT), 300);
	assert_true(config_int(c, CONFIG_CODE_MIN_NUMBER) == INT64_MIN);
	assert_true(config_float(c, CONFIG_REDIS_SENTINEL_SOCKET_TIMEOUT) == 0.1);
	assert_false(config_bool(c, CONFIG_DEBUG));
	assert_false(config_is_set(c, CONFIG_DEBUG));
	assert_string_equal(config_source(c, CONFIG_DEBUG), "default");
	assert_string_equal(config_rows[CONFIG_DB_PORT].name, "DB_PORT");
}

static void later_sources_win(void **unused)
{
	AUTO(arena) mem = { arena_open(0) };
	const char *const env[] = { "DB_HOST=from-env", "DB_PORT=", "DEBUG=yes", "PATH=/bin",
				    "BROKEN", "CSP_WHITELIST=", NULL };
	struct config *c;
	assert_int_equal(config_load(mem.p, env, S("DB_HOST=file\nDB_USERNAME=me\nDB_PORT=6000\n"
						   "CSP_WHITELIST=x\n"), &c), 0);
	assert_str(config_str(c, CONFIG_DB_HOST), "from-env");
	assert_string_equal(config_source(c, CONFIG_DB_HOST), "environment");
	assert_str(config_str(c, CONFIG_DB_USERNAME), "me");
	assert_string_equal(config_source(c, CONFIG_DB_USERNAME), ".env");
	assert_int_equal(config_int(c, CONFIG_DB_PORT), 6000); /* empty is not set */
	assert_str(config_str(c, CONFIG_CSP_WHITELIST), "");   /* but a text may be empty */
	assert_true(config_bool(c, CONFIG_DEBUG));
	config_override(c, CONFIG_DB_PORT, S("7000"));
	assert_int_equal(config_int(c, CONFIG_DB_PORT), 7000);
	assert_true(config_is_set(c, CONFIG_DB_PORT));
}

static void dotenv_syntax(void **unused)
{
	static const char *const rows[][2] = {
		{ "DB_HOST=a", "a" }, { "  DB_HOST = a b  ", "a b" }, { "export DB_HOST=a", "a" },
		{ "DB_HOST=a # note", "a" }, { "DB_HOST=a#b", "a#b" }, { "DB_HOST=# note", "" },
		{ "DB_HOST=", "" }, { "# x\n\n\r\nDB_HOST=a\r\n", "a" }, { "DB_HOST='a # b'", "a # b" },
		{ "DB_HOST=\"a\\\"b\\n\\$\\x\" # c", "a\"b\n$\\x" }, { "DB_HOST='${X}\\n'", "${X}\\n" },
		{ "DB_HOST=\"two\nlines\"\nDB_PORT=1", "two\nlines" }, { "\xEF\xBB\xBF""DB_HOST=a", "a" },
		{ "X=1\nDB_HOST=${X}-${Y:-z}-${Z}-$X", "1-z--$X" }, { "DB_HOST=${HOME_DIR}/x", "/home/x" },
		{ "DB_HOST=a\nDB_HOST=b", "b" }, { "DB_HOST=a=b==", "a=b==" }, { "DB_HOST=${X", "${X" },
		{ "X=\nDB_HOST=${X:-d}", "d" },
	};
	static const char *const bad[] = { "nothing", "=x", "1A=x", "A B=x", "DB_HOST=\"open", "DB_HOST='" };
	static const char *const env[] = { "HOME_DIR=/home", NULL };
	AUTO(arena) mem = { arena_open(0) };
	struct config *c;
	for (size_t i = 0; i < countof(rows); i++) {
		print_message("case %zu: %s\n", i, rows[i][0]);
		assert_int_equal(config_load(mem.p, env, str_c(rows[i][0]), &c), 0);
		assert_str(config_str(c, CONFIG_DB_HOST), rows[i][1]);
	}
	for (size_t i = 0; i < countof(bad); i++) {
		print_message("bad %zu: %s\n", i, bad[i]);
		assert_fails(config_load(mem.p, NULL, str_c(bad[i]), &c), ERR_INVALID);
		assert_true(str_starts(err_text(), S(".env line 1")));
	}
}

static void wrong_types_name_the_setting(void **unused)
{
	static const char *const rows[][2] = {
		{ "DB_PORT=abc", "DB_PORT (.env): 'abc' is not a whole number" },
		{ "DEBUG=maybe", "DEBUG (.env): 'maybe' is neither true nor false" },
		{ "OTEL_SAMPLING_RATE=x", "OTEL_SAMPLING_RATE (.env): 'x' is not a number" },
	};
	AUTO(arena) mem = { arena_open(0) };
	struct config *c;
	for (size_t i = 0; i < countof(rows); i++) {
		assert_fails(config_load(mem.p, NULL, str_c(rows[i][0]), &c), ERR_INVALID);
		assert_str(err_text(), rows[i][1]);
	}
}

static void unknown_names_are_explained(void **unused)
{
	AUTO(arena) mem = { arena_open(0) };
	const char *const env[] = { "TATARA_LISTN=x", "TATARA_PORT=1", "OTHER=1", NULL };
	const struct config_unknown *u;
	struct config *c;
	assert_int_equal(config_load(mem.p, env, S("DB_HOTS=x\nZZZZZZ=1\nWEAVIATE_ENDPOINT=y\nDB_HOST=z"),
				     &c), 0);
	assert_int_equal(config_unknowns(c, &u), 5);
	assert_str(u[0].name, "DB_HOTS");
	assert_string_equal(u[0].nearest, "DB_HOST");
	assert_null(u[0].removed);
	assert_str(u[1].name, "ZZZZZZ");
	assert_null(u[1].nearest);
	assert_non_null(u[2].removed);
	assert_non_null(strstr(u[2].removed, "VECTOR_STORE"));
	assert_str(u[3].name, "TATARA_LISTN");
	assert_string_equal(u[3].nearest, "TATARA_LISTEN");
	assert_str(u[4].name, "TATARA_PORT");
	assert_non_null(strstr(u[4].removed, "TATARA_LISTEN"));
}

extern const struct embedded_file sample_files[];
extern const size_t sample_files_len;

static void files_in_the_binary_are_found(void **unused)
{
	assert_int_equal(sample_files_len, 3);
	const struct embedded_file *f = embed_find(sample_files, sample_files_len, S("test_str.c"));
	assert_non_null(f);
	assert_true(f->gzip && f->len > 100);
	assert_memory_equal(f->data, "\x1f\x8b\x08\x00\x00\x00\x00\x00", 8); /* no time in it */
	f = embed_find(sample_files, sample_files_len, S("sample.txt"));
	assert_non_null(f);
	assert_false(f->gzip);
	assert_string_equal(f->type, "text/plain; charset=utf-8");
	assert_true(str_eq(str_of((const char *)f->data, f->len), S("a \"sample\"\n")));
	assert_int_equal(f->data[f->len], 0);
	assert_null(embed_find(sample_files, sample_files_len, S("sample")));
	assert_null(embed_find(sample_files, sample_files_len, S("")));
	assert_null(embed_find(sample_files, 0, S("sample.txt")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_sound),
		cmocka_unit_test(later_sources_win),
		cmocka_unit_test(dotenv_syntax),
		cmocka_unit_test(wrong_types_name_the_setting),
		cmocka_unit_test(unknown_names_are_explained),
		cmocka_unit_test(files_in_the_binary_are_found),
	};
	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
