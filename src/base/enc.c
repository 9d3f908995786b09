/* SPDX-License-Identifier: Apache-2.0 */
/* enc: text forms of bytes. */
#include "base/enc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#include <string.h>

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static struct str encode64(struct arena *mem, struct str s, const char *letters, bool pad)
{
	const unsigned char *p = (const unsigned char *)s.at;
	char *out = arena_text(mem, size_mul(size_add(s.len, 2) / 3, 4) + 1), *to = out;
	size_t i = 0;
	for (; s.len - i >= 3; i += 3) {
		unsigned v = (unsigned)p[i] << 16 | (unsigned)p[i + 1] << 8 | p[i + 2];
		*to++ = letters[v >> 18];
		*to++ = letters[v >> 12 & 63];
		*to++ = letters[v >> 6 & 63];
		*to++ = letters[v & 63];
	}
	size_t left = s.len - i;
	if (left) {
		unsigned v = (unsigned)p[i] << 16 | (left == 2 ? (unsigned)p[i + 1] << 8 : 0);
		*to++ = letters[v >> 18];
		*to++ = letters[v >> 12 & 63];
		if (left == 2)
			*to++ = letters[v >> 6 & 63];
		for (size_t k = left; pad && k < 3; k++)
			*to++ = '=';
	}
	*to = 0;
	return str_of(out, (size_t)(to - out));
}

struct str enc_base64(struct arena *mem, struct str s)
{
	return encode64(mem, s, standard, true);
}

struct str enc_base64url(struct arena *mem, struct str s)
{
	return encode64(mem, s, url_safe, false);
}

static int value64(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

status dec_base64(struct arena *mem, struct str s, struct str *out)
{
	if (s.len && s.at[s.len - 1] == '=') {
		/* Padding is optional, but when it is there it must fill the last four. */
		if (s.len % 4)
			return err_set(ERR_INVALID, "base64 text has wrong padding");
		s.len -= s.at[s.len - 2] == '=' ? 2 : 1;
	}
	if (s.len % 4 == 1)
		return err_set(ERR_INVALID, "base64 text has a wrong length");
	char *to = arena_text(mem, s.len / 4 * 3 + 4), *start = to;
	unsigned acc = 0;
	for (size_t i = 0; i < s.len; i++) {
		int v = value64(s.at[i]);
		if (v < 0)
			return err_set(ERR_INVALID, "base64 text has a foreign character at %zu", i);
		acc = acc << 6 | (unsigned)v;
		if (i % 4 == 3) {
			*to++ = (char)(acc >> 16);
			*to++ = (char)(acc >> 8);
			*to++ = (char)acc;
			acc = 0;
		}
	}
	if (s.len % 4 == 2) {
		*to++ = (char)(acc >> 4);
	} else if (s.len % 4 == 3) {
		*to++ = (char)(acc >> 10);
		*to++ = (char)(acc >> 2);
	}
	*to = 0;
	*out = str_of(start, (size_t)(to - start));
	return 0;
}

struct str enc_hex(struct arena *mem, struct str s)
{
	static const char digit[] = "0123456789abcdef";
	char *out = arena_text(mem, size_add(size_mul(s.len, 2), 1));
	for (size_t i = 0; i < s.len; i++) {
		out[2 * i] = digit[(unsigned char)s.at[i] >> 4];
		out[2 * i + 1] = digit[s.at[i] & 15];
	}
	out[2 * s.len] = 0;
	return str_of(out, 2 * s.len);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

status dec_hex(struct arena *mem, struct str s, struct str *out)
{
	if (s.len % 2)
		return err_set(ERR_INVALID, "hex text has an odd length");
	char *to = arena_text(mem, s.len / 2 + 1);
	for (size_t i = 0; i < s.len / 2; i++) {
		int high = hex_value(s.at[2 * i]), low = hex_value(s.at[2 * i + 1]);
		if (high < 0 || low < 0)
			return err_set(ERR_INVALID, "hex text has a foreign character at %zu",
				       2 * i + (high >= 0));
		to[i] = (char)(high << 4 | low);
	}
	to[s.len / 2] = 0;
	*out = str_of(to, s.len / 2);
	return 0;
}

static bool unreserved(char c, const char *keep)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~' || (c && keep && strchr(keep, c));
}

void enc_percent(struct buf *b, struct str s, const char *keep)
{
	static const char digit[] = "0123456789ABCDEF";
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];
		if (unreserved(s.at[i], keep)) {
			buf_putc(b, s.at[i]);
		} else {
			char t[3] = { '%', digit[c >> 4], digit[c & 15] };
			buf_put(b, str_of(t, 3));
		}
	}
}

struct str dec_percent(struct arena *mem, struct str s, bool plus_is_space)
{
	char *out = arena_text(mem, s.len + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		int high, low;
		if (c == '%' && s.len - i > 2 && (high = hex_value(s.at[i + 1])) >= 0 &&
		    (low = hex_value(s.at[i + 2])) >= 0) {
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		out[n++] = c;
	}
	out[n] = 0;
	return str_of(out, n);
}

void enc_html(struct buf *b, struct str s)
{
	size_t start = 0;
	for (size_t i = 0; i < s.len; i++) {
		struct str as;
		switch (s.at[i]) {
		case '&': as = S("&amp;"); break;
		case '<': as = S("&lt;"); break;
		case '>': as = S("&gt;"); break;
		case '"': as = S("&quot;"); break;
		case '\'': as = S("&#39;"); break;
		default: continue;
		}
		buf_put(b, str_of(s.at + start, i - start));
		buf_put(b, as);
		start = i + 1;
	}
	buf_put(b, str_of(s.at ? s.at + start : s.at, s.len - start));
}
