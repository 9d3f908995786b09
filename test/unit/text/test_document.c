/* SPDX-License-Identifier: Apache-2.0 */
/* Readers of files: which one a file gets, what it makes of it. CSV cells are Python's csv module's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "text/document.h"

#define MESSAGE "From: a@b\r\nSubject: x\r\n"
static const struct {
	const char *extension, *mime;
	struct str bytes;
	const char *want; /* or "!text" */
} rows[] = {
	{ ".txt", "", S_INIT("plain\n"), "plain\n" },
	{ ".TXT", "application/pdf", S_INIT("x"), "x" }, /* the extension decides */
	{ ".html", "text/html", S_INIT("<p>a</p>"), "<p>a</p>" },
	{ ".md", "", S_INIT("# caf\xe9 cr\xe8me br\xfbl\xe9" "e"), "# caf\xc3\xa9 cr\xc3\xa8me br\xc3\xbbl\xc3\xa9" "e" },
	{ ".py", "", S_INIT("\xEF\xBB\xBFprint(1)"), "print(1)" },
	{ "", "text/x-odd", S_INIT("odd"), "odd" },
	{ "", "text/plain; charset=latin1", S_INIT("\xe9"), "\xc3\xa9" },
	{ ".bin", "application/json", S_INIT("{\"a\":[1,{}]}"), "{\n  \"a\": [\n    1,\n    {}\n  ]\n}" },
	{ ".json", "", S_INIT("{\"\xc3\xa9\":1.0}"), "{\n  \"\xc3\xa9\": 1.0\n}" },
	{ ".json", "", S_INIT("{"), "!Failed to decode or parse JSON file" },
	{ ".yaml", "", S_INIT("a:   [1, two]\nb: {c: null}"), "a:\n- 1\n- two\nb:\n  c: null\n" },
	{ ".yml", "", S_INIT("a: ["), "!Failed to decode or parse YAML file" },
	{ ".properties", "", S_INIT("# note\n\n a = b=c \r\nx:y\nalone\n!k"), "# note\n\na: b=c\nx: y\nalone: \n!k" },
	{ ".csv", "", S_INIT("name,\"a \"\"b\"\"\"\r\n1,\"x\ny\"\n\nz,"), "| name | a \"b\" |\n| ---- | ----- |\n| 1 | x y |\n|  |\n| z |  |\n" },
	{ ".csv", "", S_INIT("\xc3\xa9\xc3\xa9,b\"c,\"d\"e"), "| \xc3\xa9\xc3\xa9 | b\"c | de |\n| -- | --- | -- |\n" },
	{ ".csv", "", S_INIT("\"open, and\nnever closed"), "| open, and never closed |\n| ---------------------- |\n" },
	{ ".csv", "", S_INIT(""), "" },
	{ ".vtt", "", S_INIT("WEBVTT\n\n1\n00:01.000 --> 00:02.000\n<v Ann>Hi <b>there</b>\nyou</v>\n\n00:02.000 --> 00:03.000\n<v Ann>again\n\n00:03.000 --> 00:04.000\n<v.loud Bob>No\n\n00:04.000 --> 00:05.000\nnobody"),
	  "Ann \"Hi there\nyou again\"\nBob \"No\"\n\"nobody\"" },
	{ ".vtt", "", S_INIT("WEBVTT\n\nNOTE x\n"), "" },
	{ ".eml", "", S_INIT(MESSAGE "\r\nHello\r\n"), "Hello" },
	{ ".eml", "", S_INIT(MESSAGE "Content-Type: text/plain;\r\n charset=\"iso-8859-1\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ncaf=E9 =\r\nau lait=3D=zz\r\n"), "caf\xc3\xa9 au lait==zz" },
	{ ".eml", "", S_INIT(MESSAGE "Content-Transfer-Encoding: base64\r\n\r\nSGVs\r\nbG8=\r\n"), "Hello" },
	{ ".eml", "", S_INIT(MESSAGE "Content-Type: multipart/mixed; boundary=\"B\"\r\n\r\npreamble\r\n--B\r\nContent-Type: multipart/alternative; boundary=C\r\n\r\n--C\r\nContent-Type: text/html\r\n\r\n<p>rich</p>\r\n--C\r\n\r\nplain text\r\n--C--\r\n--B\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=x.txt\r\n\r\nnot me\r\n--B--\r\nepilogue"), "plain text" },
	{ ".eml", "", S_INIT(MESSAGE "Content-Type: text/html\r\n\r\n<html><head><title>t</title><style>p{}</style></head><body><h1>Big &amp; small</h1>\r\n<p>one<br>two &#233;&#xe9;&nbsp;&euro; 1 < 2</p><script>if (a<b) x()</script><!-- no -->end"),
	  "Big & small\none\ntwo \xc3\xa9\xc3\xa9 &euro; 1 < 2\nend" },
	{ ".eml", "", S_INIT("From: only a head"), "" },
	{ ".pdf", "", S_INIT("%PDF"), "!Unsupported Extension Type: .pdf (this server does not read PDF documents yet)" },
	{ "", "application/pdf", S_INIT("%PDF"), "!Unsupported Extension Type: .pdf (" },
	{ ".docx", "", S_INIT("PK"), "!Unsupported Extension Type: .docx (" },
	{ ".xyz", "", S_INIT("?"), "!Unsupported Extension Type: .xyz" },
	{ "", "video/x-odd", S_INIT("?"), "!Unsupported MIME type: video/x-odd" },
};

static void files_become_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct document d = { .bytes = rows[i].bytes, .extension = str_c(rows[i].extension), .mime_type = str_c(rows[i].mime) };
		struct str out = S("");
		status st = document_text(mem.p, &d, &out);
		struct str got = st ? arena_printf(mem.p, "!%.*s", STR(err_text())) : out;
		print_message("case %zu %s: %.*s\n", i, rows[i].extension, STR(got));
		if (rows[i].want[0] == '!')
			assert_true(st && str_has(got, str_c(rows[i].want + 1)));
		else
			assert_true(str_eq(got, str_c(rows[i].want)) && utf8_valid(got));
	}
}

static void limits(void **state)
{
	AUTO(arena) mem = { arena_open(0) };
	struct str out, big = { arena_text(mem.p, 1 << 20), 1 << 20 };
	(void)state;
	memset((char *)(uintptr_t)big.at, '[', big.len);
	*(char *)(uintptr_t)big.at = '\n'; /* of a message: no head */
	static const char *const kinds[] = { ".json", ".yaml", ".csv", ".vtt", ".eml", ".txt", ".properties" };
	for (size_t i = 0; i < countof(kinds); i++) {
		/* Deep nesting and one huge line end soon, whatever becomes of them. */
		struct document d = { .bytes = big, .extension = str_c(kinds[i]) };
		(void)!document_text(mem.p, &d, &out);
		d.text_max = 1000;
		assert_int_equal(document_text(mem.p, &d, &out), -1);
	}
	/* Parts in parts. */
	struct str nested = S("");
	for (int i = 0; i < 20; i++)
		nested = arena_printf(mem.p, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n%.*s", i, i, STR(nested));
	struct document d = { .bytes = nested, .extension = S("eml") };
	assert_int_equal(document_text(mem.p, &d, &out), -1);
	assert_int_equal(err_code(), ERR_TOO_LARGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(files_become_text), cmocka_unit_test(limits) };
	return cmocka_run_group_tests_name("text_document", tests, NULL, NULL);
}
