/* SPDX-License-Identifier: Apache-2.0 */
/* Heads in both directions: what is taken holds nothing that ends a line or a field elsewhere, and
 * has one framing. */
#include "base/arena.h"
#include "base/core.h"
#include "net/http_parse.h"
#include "net/target.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIELDS = 64 };

static void check_text(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		ASSERT((unsigned char)s.at[i] >= ' ' || s.at[i] == '\t');
}

static size_t check_fields(const struct http_header *f, size_t n)
{
	size_t framings = 0;
	for (size_t i = 0; i < n; i++) {
		ASSERT(http_is_token(f[i].name));
		check_text(f[i].value);
		framings += str_eq_nocase(f[i].name, S("Content-Length")) ||
			    str_eq_nocase(f[i].name, S("Transfer-Encoding"));
	}
	return framings;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data;
	static struct http_header fields[FIELDS];
	struct http_scan s = { 0 };
	struct http_head h;
	struct http_answer a;
	size_t len = http_scan(&s, at, size, 65536) == HTTP_SCAN_FOUND ? s.head_len : size;
	if (!http_parse_proxy_head(at, len, fields, FIELDS, &h)) {
		size_t framings = check_fields(fields, h.header_count);
		struct target t;
		struct str path;
		ASSERT(http_is_token(h.method_text) && h.body_length >= -1);
		ASSERT(framings == (h.body_length != 0) || (framings == 1 && h.body_length == 0));
		ASSERT(h.http10 || h.host.at);
		check_text(h.target);
		if (!target_absolute(h.target, &t, &path))
			check_text(path);
	}
	if (!http_parse_answer(at, len, fields, FIELDS, &a)) {
		ASSERT(check_fields(fields, a.header_count) <= 1);
		ASSERT(a.status >= 100 && a.status <= 999 && a.body_length >= -2);
		check_text(a.reason);
	}
	return 0;
}
