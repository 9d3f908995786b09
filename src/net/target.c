/* SPDX-License-Identifier: Apache-2.0 */
/* target: see the header. */
#include "net/target.h"
#include <string.h>

enum { LABEL_MAX = 63, PORT_HTTP = 80 };

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool label_char(char c)
{
	return digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '-' || c == '_';
}

bool target_looks_numeric(struct str s)
{
	size_t dot = str_rfind_char(s, '.');
	struct str last = dot == SIZE_MAX ? s : str_skip(s, dot + 1);
	if (last.len >= 2 && last.at[0] == '0' && (last.at[1] | 32) == 'x')
		return true;
	for (size_t i = 0; i < last.len; i++)
		if (!digit(last.at[i]))
			return false;
	return last.len > 0;
}

static bool labels_ok(struct str s)
{
	size_t run = 0;
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] == '.') {
			if (!run)
				return false;
			run = 0;
		} else if (!label_char(s.at[i]) || ++run > LABEL_MAX) {
			return false;
		}
	}
	return run > 0;
}

static void keep_literal(struct target *t)
{
	char text[NET_ADDR_TEXT];
	t->literal = true;
	struct str s = str_c(net_addr_text(&t->address, text));
	memcpy(t->name, s.at, s.len);
	t->name_len = s.len;
}

static enum target_fault read_name(struct str s, struct target *t)
{
	bool dot = str_ends(s, S("."));
	if (dot)
		s.len--;
	if (s.len > TARGET_NAME_MAX || !labels_ok(s))
		return TARGET_BAD;
	if (target_looks_numeric(s)) {
		if (dot || !net_addr_v4(s, t->port, &t->address))
			return TARGET_AMBIGUOUS;
		keep_literal(t);
		return TARGET_OK;
	}
	for (size_t i = 0; i < s.len; i++)
		t->name[i] = s.at[i] >= 'A' && s.at[i] <= 'Z' ? (char)(s.at[i] | 32) : s.at[i];
	t->name_len = s.len;
	return TARGET_OK;
}

enum target_fault target_host(struct str host, uint16_t port, struct target *out)
{
	struct target t = { .port = port };
	if (!port)
		return TARGET_BAD;
	if (host.len && host.at[0] == '[') {
		if (host.len < 4 || host.at[host.len - 1] != ']' ||
		    !net_addr_v6(str_sub(host, 1, host.len - 2), port, &t.address))
			return TARGET_BAD;
		keep_literal(&t);
	} else {
		enum target_fault fault = read_name(host, &t);
		if (fault)
			return fault;
	}
	*out = t;
	return TARGET_OK;
}

enum target_fault target_authority(struct str s, uint16_t port, struct target *out)
{
	size_t end = s.len && s.at[0] == '[' ? str_find_char(s, ']') : 0;
	if (end == SIZE_MAX)
		return TARGET_BAD;
	size_t colon = str_find_char(str_skip(s, end), ':');
	struct str host = colon == SIZE_MAX ? s : str_sub(s, 0, end + colon);
	if (colon != SIZE_MAX && !net_port_parse(str_skip(s, end + colon + 1), &port))
		return TARGET_BAD;
	return target_host(host, port, out);
}

/* What browsers and libraries send besides RFC 3986 passes, but never a blank, a control character
 * or a fragment, which is no server's business. */
static bool path_ok(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.at[i] <= ' ' || s.at[i] == 127 || s.at[i] == '#')
			return false;
	return true;
}

enum target_fault target_absolute(struct str url, struct target *out, struct str *path)
{
	struct str scheme = S("http://");
	if (!str_eq_nocase(str_sub(url, 0, scheme.len), scheme))
		return TARGET_BAD;
	struct str rest = str_skip(url, scheme.len);
	size_t n = 0;
	while (n < rest.len && rest.at[n] != '/' && rest.at[n] != '?' && rest.at[n] != '#')
		n++;
	struct str tail = str_skip(rest, n);
	if (!path_ok(tail))
		return TARGET_BAD;
	enum target_fault fault = target_authority(str_sub(rest, 0, n), PORT_HTTP, out);
	if (fault)
		return fault;
	*path = tail.len ? tail : S("/");
	return TARGET_OK;
}
