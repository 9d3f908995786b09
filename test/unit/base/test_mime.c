/* SPDX-License-Identifier: Apache-2.0 */
/* mime: both directions of the table, names and parameters of headers. */
#include "test.h"

#include "base/mime.h"

static void types_and_extensions(void **unused)
{
	static const char *const rows[][2] = {
		{ "png", "image/png" }, { ".PNG", "image/png" }, { "jpeg", "image/jpeg" }, { "js", "text/javascript" },
		{ "txt", "text/plain" }, { "nope", "" }, { "", "" },
	};
	static const char *const back[][2] = {
		{ "image/jpeg", "jpg" }, { "TEXT/HTML; charset=x", "html" }, { "application/javascript", "js" },
		{ "text/xml", "xml" }, { "application/octet-stream", "bin" }, { "x/y", "" }, { "", "" },
	};
	for (size_t i = 0; i < countof(rows); i++)
		assert_str(mime_of_extension(str_c(rows[i][0])), rows[i][1]);
	for (size_t i = 0; i < countof(back); i++)
		assert_str(mime_extension(str_c(back[i][0])), back[i][1]);
}

static void parts_of_headers(void **unused)
{
	static const char *const params[][3] = {
		{ "text/html; charset=utf-8", "charset", "utf-8" },
		{ "text/html;x=1; CHARSET = \"Shift_JIS\" ", "charset", "Shift_JIS" },
		{ "attachment; filename=\"a.b\"", "filename", "a.b" },
		{ "attachment; filename=", "filename", "" },
		{ "attachment", "filename", "" },
		{ "filename=x", "filename", "" }, /* the value itself is no parameter */
		{ "", "x", "" },
	};
	static const char *const names[][2] = {
		{ "a.txt", "txt" }, { "a.tar.gz", "gz" }, { ".bashrc", "" }, { "none", "" }, { "", "" }, { "a.", "" },
	};
	for (size_t i = 0; i < countof(params); i++)
		assert_str(mime_param(str_c(params[i][0]), str_c(params[i][1])), params[i][2]);
	for (size_t i = 0; i < countof(names); i++)
		assert_str(mime_name_extension(str_c(names[i][0])), names[i][1]);
	assert_str(mime_bare(S(" text/html ; a=b")), "text/html");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(types_and_extensions), cmocka_unit_test(parts_of_headers) };
	return cmocka_run_group_tests_name("base_mime", tests, NULL, NULL);
}
