/* SPDX-License-Identifier: Apache-2.0 */
/* url: see the header. No name is resolved here. */
#include "net/url.h"
#include "base/arena.h"
#include "base/enc.h"
#include "base/err.h"
#include <arpa/inet.h>
#include <string.h>

enum { HOST_MAX = 253 };

static bool visible(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.at[i] <= ' ' || s.at[i] == 127)
			return false;
	return true;
}

/* Letters, digits, and what host names in the wild hold; bytes past ASCII are for IDN. */
static bool name_ok(struct str s)
{
	if (!s.len || s.len > HOST_MAX)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];
		bool alnum = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
		if (!alnum && c != '-' && c != '.' && c != '_' && c < 0x80)
			return false;
		if (c == '.' && i + 1 < s.len && s.at[i + 1] == '.')
			return false;
	}
	return s.at[0] != '.';
}

static bool ipv6_ok(struct str s)
{
	char text[INET6_ADDRSTRLEN];
	unsigned char space[16];
	if (!s.len || s.len >= sizeof text)
		return false;
	memcpy(text, s.at, s.len);
	text[s.len] = 0;
	return inet_pton(AF_INET6, text, space) == 1;
}

static status parse_host(struct str s, struct url *u, struct str *port)
{
	if (s.len && s.at[0] == '[') {
		size_t end = str_find_char(s, ']');
		if (end == SIZE_MAX)
			return err_set(ERR_INVALID, "the URL's IPv6 address has no \"]\"");
		u->host = str_sub(s, 1, end - 1);
		*port = str_skip(s, end + 1);
		if (!ipv6_ok(u->host) || (port->len && port->at[0] != ':'))
			return err_set(ERR_INVALID, "the URL's IPv6 address is malformed");
		return 0;
	}
	size_t colon = str_find_char(s, ':');
	u->host = colon == SIZE_MAX ? s : str_sub(s, 0, colon);
	*port = colon == SIZE_MAX ? S("") : str_skip(s, colon);
	if (!name_ok(u->host))
		return err_set(ERR_INVALID, "the URL's host is empty or malformed");
	return 0;
}

static status parse_port(struct str s, struct url *u)
{
	u->port = u->tls ? 443 : 80;
	if (s.len < 2) /* nothing, or a lone colon */
		return 0;
	s = str_skip(s, 1);
	uint32_t n = 0;
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] < '0' || s.at[i] > '9' || (n = n * 10 + (unsigned)(s.at[i] - '0')) > 65535)
			return err_set(ERR_INVALID, "the URL's port is not a number up to 65535");
	}
	if (!n)
		return err_set(ERR_INVALID, "the URL's port is 0");
	u->port = (uint16_t)n;
	return 0;
}

status url_parse(struct str s, struct url *out)
{
	struct url u = { 0 };
	size_t skip;
	if (str_eq_nocase(str_sub(s, 0, 7), S("http://")))
		skip = 7;
	else if (str_eq_nocase(str_sub(s, 0, 8), S("https://")))
		skip = 8;
	else
		return err_set(ERR_INVALID, "the URL must start with http:// or https://");
	if (!visible(s))
		return err_set(ERR_INVALID, "the URL holds blanks or control characters");
	u.tls = skip == 8;
	s = str_skip(s, skip);
	size_t n = 0;
	while (n < s.len && s.at[n] != '/' && s.at[n] != '?' && s.at[n] != '#' && s.at[n] != '\\')
		n++;
	if (n < s.len && s.at[n] == '\\')
		return err_set(ERR_INVALID, "the URL holds a backslash"); /* browsers read it as "/" */
	struct str authority = str_sub(s, 0, n), port = S("");
	u.path = str_skip(s, n);
	u.path = str_sub(u.path, 0, MIN(str_find_char(u.path, '#'), u.path.len));
	size_t at = str_rfind_char(authority, '@');
	if (at != SIZE_MAX) {
		u.user = str_sub(authority, 0, at);
		authority = str_skip(authority, at + 1);
		if (str_find_char(u.user, '@') != SIZE_MAX)
			return err_set(ERR_INVALID, "the URL holds two \"@\" before its host");
	}
	if (parse_host(authority, &u, &port) || parse_port(port, &u))
		return -1;
	if (!u.path.len)
		u.path = S("/");
	*out = u;
	return 0;
}

struct str url_join(struct arena *mem, struct str base, struct str ref)
{
	size_t scheme = str_find(base, S("://")), colon = str_find_char(ref, ':');
	struct str stop = str_sub(ref, 0, colon);
	bool absolute = colon != SIZE_MAX && colon && str_find_char(stop, '/') == SIZE_MAX &&
			str_find_char(stop, '?') == SIZE_MAX && str_find_char(stop, '#') == SIZE_MAX;
	if (absolute || scheme == SIZE_MAX)
		return ref;
	if (str_starts(ref, S("//")))
		return arena_printf(mem, "%.*s:%.*s", STR(str_sub(base, 0, scheme)), STR(ref));
	base = str_sub(base, 0, MIN(str_find_char(base, '#'), base.len));
	size_t path = scheme + 3;
	while (path < base.len && base.at[path] != '/' && base.at[path] != '?')
		path++;
	struct str origin = str_sub(base, 0, path), rest = str_skip(base, path);
	struct str bare = str_sub(rest, 0, MIN(str_find_char(rest, '?'), rest.len));
	if (str_starts(ref, S("/")))
		return arena_printf(mem, "%.*s%.*s", STR(origin), STR(ref));
	if (!ref.len || ref.at[0] == '#')
		return arena_printf(mem, "%.*s%.*s", STR(base), STR(ref));
	if (ref.at[0] == '?')
		return arena_printf(mem, "%.*s%.*s%.*s", STR(origin), STR(bare.len ? bare : S("/")), STR(ref));
	size_t slash = str_rfind_char(bare, '/');
	struct str folder = slash == SIZE_MAX ? S("/") : str_sub(bare, 0, slash + 1);
	return arena_printf(mem, "%.*s%.*s%.*s", STR(origin), STR(folder), STR(ref));
}

bool query_get(struct arena *mem, struct str query, struct str name, struct str *out)
{
	while (query.len) {
		struct str rest, pair = str_cut(&query, '&');
		rest = pair;
		struct str key = str_cut(&rest, '=');
		/* Names are nearly always plain: decode only what might match. */
		bool coded = memchr(key.at, '%', key.len) || memchr(key.at, '+', key.len);
		if (!pair.len || !str_eq(coded ? dec_percent(mem, key, true) : key, name))
			continue;
		*out = dec_percent(mem, rest, true);
		if (!out->at)
			*out = S("");
		return true;
	}
	return false;
}

void query_each(struct arena *mem, struct str query,
		void (*fn)(void *arg, struct str name, struct str value), void *arg)
{
	while (query.len) {
		struct str pair = str_cut(&query, '&');
		if (!pair.len)
			continue;
		struct str rest = pair, key = str_cut(&rest, '=');
		fn(arg, dec_percent(mem, key, true), dec_percent(mem, rest, true));
	}
}
