/* SPDX-License-Identifier: Apache-2.0 */
/* enc, id, clock, crypt. Expected values come from the RFCs named, or from Python's library. */
#include "test.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "base/enc.h"
#include "base/id.h"

static void base64_of_rfc_4648(void **unused)
{
	static const char *const rows[][3] = {
		{ "", "", "" }, { "f", "Zg==", "Zg" }, { "fo", "Zm8=", "Zm8" }, { "foo", "Zm9v", "Zm9v" },
		{ "foob", "Zm9vYg==", "Zm9vYg" }, { "fooba", "Zm9vYmE=", "Zm9vYmE" },
		{ "foobar", "Zm9vYmFy", "Zm9vYmFy" }, { "\xFB\xFF\xBF", "+/+/", "-_-_" },
	};
	static const char *const bad[] = { "A", "AAAAA", "A=", "AA=", "AAA==", "A===", "====", "=",
					   "AA*A", "AA A", "AA==AA==", "Zg\n" };
	AUTO(arena) mem = { arena_open(0) };
	struct str out;
	for (size_t i = 0; i < countof(rows); i++) {
		assert_str(enc_base64(mem.p, str_c(rows[i][0])), rows[i][1]);
		assert_str(enc_base64url(mem.p, str_c(rows[i][0])), rows[i][2]);
		for (int k = 1; k < 3; k++) {
			assert_int_equal(dec_base64(mem.p, str_c(rows[i][k]), &out), 0);
			assert_str(out, rows[i][0]);
		}
	}
	for (size_t i = 0; i < countof(bad); i++) {
		print_message("case %zu: %s\n", i, bad[i]);
		out = S("untouched");
		assert_fails(dec_base64(mem.p, str_c(bad[i]), &out), ERR_INVALID);
		assert_str(out, "untouched");
	}
}

static void hex_both_ways(void **unused)
{
	AUTO(arena) mem = { arena_open(0) };
	struct str out;
	assert_str(enc_hex(mem.p, S("\x00\x7F\xFF")), "007fff");
	assert_int_equal(dec_hex(mem.p, S("007FfF"), &out), 0);
	assert_true(str_eq(out, S("\x00\x7F\xFF")));
	assert_fails(dec_hex(mem.p, S("0"), &out), ERR_INVALID);
	assert_fails(dec_hex(mem.p, S("0g"), &out), ERR_INVALID);
}

static void percent_and_html(void **unused)
{
	AUTO(arena) mem = { arena_open(0) };
	struct buf b = buf_make(mem.p, 0);
	enc_percent(&b, S("aZ09-._~ /?\xC3\xA9%\x00"), NULL);
	assert_str(buf_str(&b), "aZ09-._~%20%2F%3F%C3%A9%25%00");
	buf_clear(&b);
	enc_percent(&b, S("a/b:c d"), "/:");
	assert_str(buf_str(&b), "a/b:c%20d");
	assert_str(dec_percent(mem.p, S("a%20b+c%C3%a9%zz%4"), false), "a b+c\xC3\xA9%zz%4");
	assert_str(dec_percent(mem.p, S("a+b%2B%"), true), "a b+%");
	buf_clear(&b);
	enc_html(&b, S("<a href=\"x\">&'y'</a>"));
	assert_str(buf_str(&b), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;y&#39;&lt;/a&gt;");
	buf_clear(&b);
	enc_html(&b, str_of(NULL, 0));
	assert_int_equal(b.len, 0);
}

static int64_t frozen = 1700000000123;
static int64_t frozen_time(void)
{
	return frozen;
}

static void ids_have_their_shape_and_order(void **unused)
{
	AUTO(arena) mem = { arena_open(0) };
	struct str last = S("");
	clock_override(frozen_time);
	for (int i = 0; i < 10000; i++) {
		struct str v4 = id_uuid(mem.p), v7 = id_uuid7(mem.p);
		assert_true(id_is_uuid(v4) && v4.at[14] == '4' && strchr("89ab", v4.at[19]));
		assert_true(id_is_uuid(v7) && v7.at[14] == '7' && strchr("89ab", v7.at[19]));
		if (i == 0)
			assert_true(str_starts(v7, S("018bcfe5-687b-7")));
		assert_true(str_cmp(v7, last) > 0);
		last = v7;
		frozen += i % 500 == 0;
	}
	frozen = 1700000000123;
	clock_override(NULL);
	struct str named = id_uuid_of(mem.p, S("run/1"));
	assert_true(id_is_uuid(named) && named.at[14] == '8' && strchr("89ab", named.at[19]));
	assert_true(str_eq(named, id_uuid_of(mem.p, S("run/1"))));
	assert_false(str_eq(named, id_uuid_of(mem.p, S("run/2"))));
	assert_true(id_is_uuid(S("018BCFE5-687B-4abc-9def-0123456789AB")));
	assert_false(id_is_uuid(S("018bcfe5-687b-4abc-9def-0123456789a")));
	assert_false(id_is_uuid(S("018bcfe5-687b-4abc-9def-0123456789ag")));
	assert_false(id_is_uuid(S("018bcfe5x687b-4abc-9def-0123456789ab")));
	struct str t = id_token(mem.p, 1000);
	assert_int_equal(t.len, 1000);
	int digits = 0;
	for (size_t i = 0; i < t.len; i++) {
		char c = t.at[i];
		assert_true((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'));
		digits += c <= '9';
	}
	assert_in_range(digits, 80, 260); /* expected 161, sigma 12 */
	assert_false(str_eq(id_token(mem.p, 24), id_token(mem.p, 24)));
}

static void times_as_text(void **unused)
{
	static const struct {
		int64_t ms;
		const char *iso, *http;
	} rows[] = {
		{ 784111777000, "1994-11-06T08:49:37.000Z", "Sun, 06 Nov 1994 08:49:37 GMT" },
		{ 0, "1970-01-01T00:00:00.000Z", "Thu, 01 Jan 1970 00:00:00 GMT" },
		{ -1, "1969-12-31T23:59:59.999Z", "Wed, 31 Dec 1969 23:59:59 GMT" },
		{ 951782400000, "2000-02-29T00:00:00.000Z", "Tue, 29 Feb 2000 00:00:00 GMT" },
		{ 4107542399999, "2100-02-28T23:59:59.999Z", "Sun, 28 Feb 2100 23:59:59 GMT" },
		{ 1767323045678, "2026-01-02T03:04:05.678Z", "Fri, 02 Jan 2026 03:04:05 GMT" },
	};
	AUTO(arena) mem = { arena_open(0) };
	char http[30];
	int64_t ms;
	for (size_t i = 0; i < countof(rows); i++) {
		assert_str(clock_iso(mem.p, rows[i].ms), rows[i].iso);
		clock_http(http, rows[i].ms);
		assert_string_equal(http, rows[i].http);
		assert_int_equal(clock_parse_iso(str_c(rows[i].iso), &ms), 0);
		assert_true(ms == rows[i].ms);
	}
	clock_override(frozen_time);
	assert_true(clock_ms() == 1700000000123 && clock_s() == 1700000000);
	clock_override(NULL);
	assert_true(clock_ms() > 1700000000123);
}

static void times_are_read_in_many_forms(void **unused)
{
	static const struct {
		const char *in;
		int64_t want; /* INT64_MIN = refused */
	} rows[] = {
		{ "2026-01-02", 1767312000000 }, { "2026-01-02 03:04", 1767323040000 },
		{ "2026-01-02T03:04:05", 1767323045000 }, { "2026-01-02T03:04:05Z", 1767323045000 },
		{ "2026-01-02 03:04:05.6789+09:00", 1767290645678 },
		{ "2026-01-02t03:04:05.6 -0130", 1767328445600 },
		{ "2026-01-02T03:04:05+09", 1767290645000 }, { " 2026-01-02 ", 1767312000000 },
		{ "2024-02-29", 1709164800000 }, { "2025-02-29", INT64_MIN },
		{ "2026-13-01", INT64_MIN }, { "2026-00-01", INT64_MIN }, { "2026-01-32", INT64_MIN },
		{ "2026-04-31", INT64_MIN }, { "2026-01-02T24:00", INT64_MIN },
		{ "2026-01-02T03:60", INT64_MIN }, { "2026-01-02T03", INT64_MIN },
		{ "2026-01-02T03:04:05.", INT64_MIN }, { "2026-01-02T03:04:05X", INT64_MIN },
		{ "2026-01-02Z", INT64_MIN }, { "2026-1-2", INT64_MIN }, { "", INT64_MIN },
		{ "2026-01-02T03:04:05+25:00", INT64_MIN }, { "2026-01-02T", INT64_MIN },
	};
	for (size_t i = 0; i < countof(rows); i++) {
		int64_t ms = INT64_MIN;
		print_message("case %zu: %s\n", i, rows[i].in);
		assert_int_equal(clock_parse_iso(str_c(rows[i].in), &ms),
				 rows[i].want == INT64_MIN ? -1 : 0);
		assert_true(ms == rows[i].want);
	}
}

static void hashes_and_keys(void **unused)
{
	AUTO(arena) mem = { arena_open(0) };
	unsigned char out[32];
	assert_str(crypt_sha256_hex(mem.p, S("abc")),
		   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_str(crypt_sha256_hex(mem.p, str_of(NULL, 0)),
		   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	/* RFC 4231 case 2 */
	crypt_hmac_sha256(S("Jefe"), S("what do ya want for nothing?"), out);
	assert_str(enc_hex(mem.p, str_of((char *)out, 32)),
		   "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	/* RFC 5869 case 3: no salt, no info; the first 32 bytes */
	crypt_derive(S("\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b"
		       "\x0b\x0b\x0b"), S(""), out);
	assert_str(enc_hex(mem.p, str_of((char *)out, 32)),
		   "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}

static void sealed_texts(void **unused)
{
	AUTO(arena) mem = { arena_open(0) };
	unsigned char key[32], other[32];
	struct str plain;
	crypt_derive(S("secret"), S("a"), key);
	crypt_derive(S("secret"), S("b"), other);
	assert_memory_not_equal(key, other, 32);
	struct str one = crypt_seal(mem.p, key, S("hello")), two = crypt_seal(mem.p, key, S("hello"));
	assert_true(str_starts(one, S("v1.")));
	assert_false(str_eq(one, two));
	assert_int_equal(crypt_open(mem.p, key, one, &plain), 0);
	assert_str(plain, "hello");
	assert_int_equal(crypt_open(mem.p, key, crypt_seal(mem.p, key, S("")), &plain), 0);
	assert_int_equal(plain.len, 0);
	assert_fails(crypt_open(mem.p, other, one, &plain), ERR_INVALID);
	assert_fails(crypt_open(mem.p, key, S("hello"), &plain), ERR_INVALID);
	assert_fails(crypt_open(mem.p, key, S("v1."), &plain), ERR_INVALID);
	assert_fails(crypt_open(mem.p, key, S("v1.!"), &plain), ERR_INVALID);
	for (size_t i = 3; i < one.len; i++) {
		char *changed = arena_cstr(mem.p, one);
		changed[i] = changed[i] == 'A' ? 'B' : 'A';
		/* The last character carries two unused bits at most: skip what decodes alike. */
		struct str a, b;
		assert_int_equal(dec_base64(mem.p, str_skip(one, 3), &a), 0);
		assert_int_equal(dec_base64(mem.p, str_skip(str_c(changed), 3), &b), 0);
		if (!str_eq(a, b))
			assert_fails(crypt_open(mem.p, key, str_c(changed), &plain), ERR_INVALID);
	}
}

static void passwords(void **unused)
{
	AUTO(arena) mem = { arena_open(0) };
	static const char old[] =
		"pbkdf2$AAECAwQFBgcICQoLDA0ODw==$NzRjYjlkOWY4OTBkYTg3ODFlNzI4NWI2ODMyODlmMzY4"
		"YmVkZGMxNmFmNjdjNWIzNWVkNjQ0ZjM0NjQ2NDczMA==";
	struct str stored;
	bool upgrade = true;
	assert_int_equal(crypt_password(mem.p, S("pa55word"), &stored), 0);
	assert_true(str_starts(stored, S("$argon2id$v=19$")));
	assert_true(crypt_password_check(stored, S("pa55word"), &upgrade));
	assert_false(upgrade);
	assert_false(crypt_password_check(stored, S("pa55worD"), &upgrade));
	assert_false(crypt_password_check(stored, S(""), &upgrade));
	assert_true(crypt_password_check(str_c(old), S("passw0rd\xC3\xA9"), &upgrade));
	assert_true(upgrade);
	assert_false(crypt_password_check(str_c(old), S("passw0rd"), &upgrade));
	assert_false(upgrade);
	static const char *const broken[] = { "", "pbkdf2$", "pbkdf2$AAAA", "pbkdf2$*$AAAA",
					      "pbkdf2$AAAA$", "$argon2id$", "plain" };
	for (size_t i = 0; i < countof(broken); i++) {
		assert_false(crypt_password_check(str_c(broken[i]), S("x"), &upgrade));
		assert_false(crypt_password_check(str_c(broken[i]), S(""), &upgrade));
		assert_false(upgrade);
	}
}

static void tokens(void **unused)
{
	AUTO(arena) mem = { arena_open(0) };
	static const char made[] =
		"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VyX2lkIjoiMSIsImV4cCI6MjAwMDAwMDA"
		"wMH0.PEeoL3SVVDAMePf6L3Ws4rTNbxm_KtsRZxSd5Hmr29Y";
	static const char unsigned_one[] =
		"eyJhbGciOiJub25lIn0.e30.K5fUbCOH9sO36oYAO2K4X-L0PdIX_krQaQtpuNIHgXo";
	struct str claims, text = S("{\"user_id\":\"1\",\"exp\":2000000000}"), key = S("secret");
	clock_override(frozen_time);
	assert_str(jwt_sign(mem.p, key, text), made);
	assert_int_equal(jwt_open(mem.p, key, str_c(made), &claims), 0);
	assert_true(str_eq(claims, text));
	assert_fails(jwt_open(mem.p, S("other"), str_c(made), &claims), ERR_UNAUTHORIZED);
	assert_fails(jwt_open(mem.p, key, str_c(unsigned_one), &claims), ERR_UNAUTHORIZED);
	assert_true(str_has(err_text(), S("algorithm")));
	static const char *const bad[] = { "", ".", "..", "a.b", "a.b.c", "a.b.c.d", "*.*.*" };
	for (size_t i = 0; i < countof(bad); i++)
		assert_fails(jwt_open(mem.p, key, str_c(bad[i]), &claims), ERR_UNAUTHORIZED);
	static const struct {
		const char *claims;
		bool ok;
	} rows[] = {
		{ "{}", true }, { "{\"exp\":1700000001}", true }, { "{\"exp\":1700000000}", false },
		{ "{\"exp\":\"x\"}", false }, { "{\"exp\":null}", false }, { "[]", false }, { "x", false },
		{ "{\"nbf\":1700000000}", true }, { "{\"nbf\":1700000001}", false },
		{ "{\"exp\":1700000000.9}", true },
	};
	for (size_t i = 0; i < countof(rows); i++) {
		print_message("case %zu: %s\n", i, rows[i].claims);
		struct str t = jwt_sign(mem.p, key, str_c(rows[i].claims));
		assert_int_equal(jwt_open(mem.p, key, t, &claims), rows[i].ok ? 0 : -1);
		if (!rows[i].ok)
			assert_int_equal(err_code(), ERR_UNAUTHORIZED);
	}
	clock_override(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_of_rfc_4648),
		cmocka_unit_test(hex_both_ways),
		cmocka_unit_test(percent_and_html),
		cmocka_unit_test(ids_have_their_shape_and_order),
		cmocka_unit_test(times_as_text),
		cmocka_unit_test(times_are_read_in_many_forms),
		cmocka_unit_test(hashes_and_keys),
		cmocka_unit_test(sealed_texts),
		cmocka_unit_test(passwords),
		cmocka_unit_test(tokens),
	};
	crypt_init();
	return cmocka_run_group_tests_name("enc", tests, NULL, NULL);
}
