/* SPDX-License-Identifier: Apache-2.0 */
/* A request head in any bytes: found and parsed alike however it arrives, with all slices inside. */
#include "base/arena.h"
#include "net/http_parse.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(const char *at, size_t len, struct str s)
{
	ASSERT(!s.len || (s.at >= at && s.at + s.len <= at + len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data;
	struct http_scan whole = { 0 }, slow = { 0 };
	struct http_header rows[64];
	struct http_head h;
	int found = http_scan(&whole, at, size, 8192), again = HTTP_SCAN_MORE;
	for (size_t n = 0; n <= size && again == HTTP_SCAN_MORE; n++)
		again = http_scan(&slow, at, n, 8192);
	/* Complete heads must be found by both, at the same place. */
	ASSERT((found == HTTP_SCAN_FOUND) == (again == HTTP_SCAN_FOUND));
	if (found != HTTP_SCAN_FOUND)
		return 0;
	ASSERT(whole.head_len == slow.head_len && whole.lines == slow.lines);
	if (http_parse_head(at, whole.head_len, rows, 64, &h))
		return 0;
	ASSERT(h.header_count == whole.lines - 1);
	for (size_t i = 0; i < h.header_count; i++) {
		inside(at, size, rows[i].name);
		inside(at, size, rows[i].value);
		ASSERT(http_is_token(rows[i].name));
	}
	inside(at, size, h.target);
	ASSERT(h.path.len && (h.path.at[0] == '/' || h.path.at[0] == '*'));
	AUTO(arena) mem = { arena_open(0) };
	struct str path;
	if (!http_path_clean(mem.p, h.path, &path))
		return 0;
	ASSERT(path.len && (path.at[0] == '/' || path.at[0] == '*'));
	ASSERT(!memchr(path.at, 0, path.len));
	ASSERT(!str_has(path, S("/../")) && !str_has(path, S("/./")));
	ASSERT(!str_ends(path, S("/..")) && !str_ends(path, S("/.")));
	return 0;
}
