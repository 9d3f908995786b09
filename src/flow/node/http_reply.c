/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/node/http_reply.h"

#include "base/arena.h"
#include "base/enc.h"
#include "base/err.h"
#include "base/mime.h"
#include "net/client.h"
#include "text/charset.h"

enum { SAMPLE = 1024 };

static bool has_any(struct str text, const struct str *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_has(text, words[i]))
			return true;
	return false;
}

static struct str lower(struct arena *mem, struct str s)
{
	char *at = arena_text(mem, s.len);
	for (size_t i = 0; i < s.len; i++)
		at[i] = s.at[i] >= 'A' && s.at[i] <= 'Z' ? (char)(s.at[i] | 32) : s.at[i];
	return str_of(at, s.len);
}

/* Attachments, and whatever has a name. */
static bool disposed_as_file(const struct client_response *r)
{
	struct str value = client_header(r, S("content-disposition"));
	return str_eq_nocase(mime_bare(value), S("attachment")) ||
	       mime_param(value, S("filename")).len || mime_param(value, S("filename*")).len;
}

/* Programs and data that call themselves an application. A character that the sample cuts is fine.
 */
static bool looks_like_text(struct str body)
{
	static const struct str markers[] = { S_INIT("{"), S_INIT("["), S_INIT("<"), S_INIT("function"),
					      S_INIT("var "), S_INIT("const "), S_INIT("let ") };
	struct str sample = str_sub(body, 0, SAMPLE);
	for (int i = 0; i < 3 && body.len > SAMPLE && !utf8_valid(sample); i++)
		sample.len--;
	return utf8_valid(sample) && has_any(sample, markers, countof(markers));
}

bool http_reply_is_file(const struct client_response *r)
{
	static const struct str texts[] = { S_INIT("json"), S_INIT("xml"), S_INIT("javascript"),
					    S_INIT("x-www-form-urlencoded"), S_INIT("yaml"), S_INIT("graphql") };
	static const struct str files[] = { S_INIT("application/"), S_INIT("image/"), S_INIT("audio/"),
					    S_INIT("video/") };
	AUTO(arena) mem = { arena_open(0) };
	if (disposed_as_file(r))
		return true;
	struct str type = lower(mem.p, mime_bare(client_header(r, S("content-type"))));
	if (str_starts(type, S("application/")) &&
	    (has_any(type, texts, countof(texts)) || looks_like_text(r->body)))
		return false;
	for (size_t i = 0; i < countof(files); i++)
		if (str_starts(type, files[i]))
			return true;
	return false;
}

struct str http_reply_name(struct arena *mem, const struct client_response *r)
{
	struct str value = client_header(r, S("content-disposition"));
	struct str name = mime_param(value, S("filename*"));
	if (name.len) { /* RFC 8187: UTF-8''percent-encoded */
		str_cut(&name, '\'');
		str_cut(&name, '\'');
		name = dec_percent(mem, name, false);
	} else {
		name = mime_param(value, S("filename"));
	}
	size_t slash = MIN(str_rfind_char(name, '/'), str_rfind_char(name, '\\'));
	if (slash != SIZE_MAX)
		name = str_skip(name,
				MAX(str_rfind_char(name, '/') + 1, str_rfind_char(name, '\\') + 1));
	for (size_t i = 0; i < name.len; i++)
		if ((unsigned char)name.at[i] < ' ' || name.at[i] == 127)
			return S("");
	return utf8_valid(name) && name.len <= 255 ? name : S("");
}

struct str http_reply_mime(const struct client_response *r, struct str url)
{
	AUTO(arena) mem = { arena_open(0) };
	struct str by_name = mime_of_extension(mime_name_extension(http_reply_name(mem.p, r)));
	struct str declared = mime_bare(client_header(r, S("content-type")));
	struct str path = str_sub(url, 0, MIN(str_find_char(url, '?'), url.len));
	size_t slash = str_rfind_char(path, '/');
	struct str by_url = mime_of_extension(
		mime_name_extension(slash == SIZE_MAX ? path : str_skip(path, slash + 1)));
	return by_name.len ? by_name : declared.len ? declared : by_url.len ? by_url :
	       S("application/octet-stream");
}

status http_reply_text(struct arena *mem, const struct client_response *r, struct str *out)
{
	return charset_decode(mem, r->body,
			      mime_param(client_header(r, S("content-type")), S("charset")), 0,
			      out);
}

struct str http_reply_size(struct arena *mem, uint64_t bytes)
{
	if (bytes < 1024)
		return arena_printf(mem, "%llu bytes", (unsigned long long)bytes);
	if (bytes < 1024 * 1024)
		return arena_printf(mem, "%.2f KB", (double)bytes / 1024);
	return arena_printf(mem, "%.2f MB", (double)bytes / 1024 / 1024);
}
