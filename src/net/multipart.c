/* SPDX-License-Identifier: Apache-2.0 */
/*
 * multipart: form-data bodies in a fixed window, whatever the size of the files inside.
 *
 *   preamble  --boundary CRLF  head CRLF CRLF  data  CRLF--boundary CRLF ...  CRLF--boundary--
 *
 * A delimiter is CRLF "--" boundary; the window is primed with CRLF so that the first one looks
 * like the others. What cannot yet be told from a delimiter stays in the window.
 */
#include "net/stream_int.h"
#include "base/arena.h"
#include "base/enc.h"
#include "base/err.h"
#include "net/http_parse.h"
#include <string.h>

enum { WINDOW = 16 << 10, BOUNDARY_MAX = 70 };

struct multipart {
	struct arena *mem;
	byte_source read;
	void *arg;
	char delimiter[BOUNDARY_MAX + 4];
	size_t delimiter_len;
	size_t at, end;
	bool eof, ended;
	int parts;
	struct part part;
	char window[WINDOW];
};

static status bad(const char *what)
{
	return err_set(ERR_BAD_REQUEST, "multipart body: %s", what);
}

/* Reads more behind what is there; at the end of the body sets eof. */
static status fill(struct multipart *m)
{
	size_t n;
	if (m->at) {
		memmove(m->window, m->window + m->at, m->end - m->at);
		m->end -= m->at;
		m->at = 0;
	}
	ASSERT(m->end < WINDOW);
	if (m->read(m->arg, m->window + m->end, WINDOW - m->end, &n))
		return -1;
	m->end += n;
	m->eof = !n;
	return 0;
}

/* Value of a parameter of a header field, quotes removed. False when absent. */
static bool parameter(struct arena *mem, struct str field, struct str name, struct str *out)
{
	size_t i = MIN(str_find_char(field, ';'), field.len);
	while (i < field.len) {
		i++; /* the semicolon */
		while (i < field.len && (field.at[i] == ' ' || field.at[i] == '\t'))
			i++;
		size_t from = i;
		while (i < field.len && field.at[i] != '=' && field.at[i] != ';')
			i++;
		struct str key = str_trim(str_sub(field, from, i - from));
		if (i == field.len || field.at[i] == ';')
			continue;
		i++;
		bool quoted = i < field.len && field.at[i] == '"';
		char *value = arena_text(mem, field.len - i + 1);
		size_t n = 0;
		for (i += quoted; i < field.len && field.at[i] != (quoted ? '"' : ';'); i++) {
			/* Backslashes of Windows paths are no escapes. */
			if (quoted && field.at[i] == '\\' && i + 1 < field.len &&
			    (field.at[i + 1] == '"' || field.at[i + 1] == '\\'))
				i++;
			value[n++] = field.at[i];
		}
		if (quoted) {
			if (i == field.len)
				return false;
			i += 1;
			while (i < field.len && field.at[i] != ';')
				i++;
		}
		if (str_eq_nocase(key, name)) {
			*out = quoted ? str_of(value, n) : str_trim(str_of(value, n));
			return true;
		}
	}
	return false;
}

static bool type_is(struct str field, struct str type)
{
	return str_eq_nocase(str_trim(str_sub(field, 0, MIN(str_find_char(field, ';'), field.len))),
			     type);
}

status multipart_open_source(struct arena *mem, struct str type, byte_source read, void *arg,
			     struct multipart **out)
{
	struct str boundary;
	if (!type_is(type, S("multipart/form-data")))
		return err_set(ERR_UNSUPPORTED, "the body must be multipart/form-data");
	if (!parameter(mem, type, S("boundary"), &boundary) || !boundary.len ||
	    boundary.len > BOUNDARY_MAX)
		return err_set(ERR_BAD_REQUEST, "multipart body: no usable boundary");
	struct multipart *m = arena_new(mem, struct multipart);
	m->mem = mem;
	m->read = read;
	m->arg = arg;
	memcpy(m->delimiter, "\r\n--", 4);
	memcpy(m->delimiter + 4, boundary.at, boundary.len);
	m->delimiter_len = boundary.len + 4;
	memcpy(m->window, "\r\n", 2);
	m->end = 2;
	*out = m;
	return 0;
}

static status read_request(void *arg, char *at, size_t cap, size_t *n)
{
	return http_body_read(arg, at, cap, n);
}

status multipart_open(struct http *q, struct multipart **out)
{
	return multipart_open_source(q->mem, http_header(q, S("Content-Type")), read_request, q,
				     out);
}

/* Bytes before the next delimiter that are in the window: *n > 0, or 0 = the delimiter is here. */
static status next_data(struct multipart *m, size_t *n)
{
	for (;;) {
		size_t have = m->end - m->at;
		const char *hit = have ? memmem(m->window + m->at, have, m->delimiter,
						m->delimiter_len)
				       : NULL;
		if (hit) {
			*n = (size_t)(hit - (m->window + m->at));
			return 0;
		}
		if (have >= m->delimiter_len) {
			*n = have - m->delimiter_len + 1;
			return 0;
		}
		if (m->eof)
			return bad("it ends without its closing boundary");
		if (fill(m))
			return -1;
	}
}

/* At least n bytes in the window, unless the body ends. */
static status need(struct multipart *m, size_t n)
{
	while (m->end - m->at < n && !m->eof)
		if (fill(m))
			return -1;
	return m->end - m->at < n ? bad("it ends too early") : 0;
}

/* Behind a delimiter: "--" ends all, blanks and CRLF start a part. */
static status after_delimiter(struct multipart *m)
{
	m->at += m->delimiter_len;
	if (need(m, 2))
		return -1;
	if (!memcmp(m->window + m->at, "--", 2)) {
		m->ended = true;
		return 0;
	}
	for (int i = 0; m->window[m->at] == ' ' || m->window[m->at] == '\t'; i++) {
		m->at++;
		if (i > 64)
			return bad("text after a boundary");
		if (need(m, 2))
			return -1;
	}
	if (memcmp(m->window + m->at, "\r\n", 2))
		return bad("text after a boundary");
	m->at += 2;
	return 0;
}

static status find_head(struct multipart *m, size_t *len)
{
	for (;;) {
		size_t have = m->end - m->at;
		const char *at = m->window + m->at;
		if (have >= 2 && !memcmp(at, "\r\n", 2)) {
			*len = 2; /* no field at all */
			return 0;
		}
		const char *hit = have ? memmem(at, MIN(have, MULTIPART_HEAD_MAX), "\r\n\r\n", 4)
				       : NULL;
		if (hit) {
			*len = (size_t)(hit - at) + 4;
			return 0;
		}
		if (have >= MULTIPART_HEAD_MAX)
			return bad("the head of a part is too long");
		if (m->eof)
			return bad("it ends too early");
		if (fill(m))
			return -1;
	}
}

/* RFC 8187: charset'language'percent-encoded; other charsets than UTF-8 are left to `filename`. */
static bool extended(struct arena *mem, struct str s, struct str *out)
{
	struct str charset = str_cut(&s, '\'');
	(void)str_cut(&s, '\'');
	if (!str_eq_nocase(charset, S("utf-8")) || !s.at)
		return false;
	*out = dec_percent(mem, s, false);
	return utf8_valid(*out);
}

static status read_disposition(struct multipart *m, struct str value)
{
	struct part *p = &m->part;
	struct str coded;
	if (!type_is(value, S("form-data")))
		return bad("a part is not form-data");
	if (!parameter(m->mem, value, S("name"), &p->name))
		return bad("a part has no name");
	if (!parameter(m->mem, value, S("filename"), &p->filename))
		p->filename = str_of(NULL, 0);
	if (parameter(m->mem, value, S("filename*"), &coded) &&
	    !extended(m->mem, coded, &p->filename) && !p->filename.at)
		p->filename = S("");
	return 0;
}

static status read_head(struct multipart *m)
{
	size_t len;
	bool disposed = false;
	if (find_head(m, &len))
		return -1;
	struct str head = arena_str(m->mem, str_of(m->window + m->at, len));
	m->at += len;
	m->part = (struct part){ .filename = { NULL, 0 } };
	for (int i = 0; head.len > 2; i++) {
		size_t end = str_find(head, S("\r\n"));
		struct str line = str_sub(head, 0, end);
		head = str_skip(head, end + 2);
		size_t colon = str_find_char(line, ':');
		if (i == MULTIPART_FIELDS_MAX)
			return bad("a part has too many fields");
		if (colon == SIZE_MAX || !http_is_token(str_sub(line, 0, colon)) ||
		    memchr(line.at, '\n', line.len) || memchr(line.at, '\r', line.len) ||
		    memchr(line.at, 0, line.len))
			return bad("the head of a part is malformed");
		struct str name = str_sub(line, 0, colon);
		struct str value = str_trim(str_skip(line, colon + 1));
		if (str_eq_nocase(name, S("content-disposition")) && !disposed) {
			disposed = true;
			if (read_disposition(m, value))
				return -1;
		} else if (str_eq_nocase(name, S("content-type"))) {
			m->part.type = value;
			m->part.has_type = true;
		}
	}
	return disposed ? 0 : bad("a part has no Content-Disposition");
}

status multipart_next(struct multipart *m, struct part **out)
{
	size_t n;
	if (m->ended) {
		*out = NULL;
		return 0;
	}
	for (;;) { /* what is left of the part before, or of the preamble */
		if (next_data(m, &n))
			return -1;
		if (!n)
			break;
		m->at += n;
	}
	if (after_delimiter(m))
		return -1;
	if (m->ended) {
		*out = NULL;
		return 0;
	}
	if (++m->parts > MULTIPART_PARTS_MAX)
		return err_set(ERR_TOO_LARGE, "multipart body: more than %d parts",
			       MULTIPART_PARTS_MAX);
	if (read_head(m))
		return -1;
	/* A part without any data may share the CRLF that ended its head with the delimiter. */
	m->at -= 2;
	while (m->end - m->at < m->delimiter_len && !m->eof)
		if (fill(m))
			return -1;
	if (m->end - m->at < m->delimiter_len ||
	    memcmp(m->window + m->at, m->delimiter, m->delimiter_len))
		m->at += 2;
	*out = &m->part;
	return 0;
}

status multipart_read(struct multipart *m, char *at, size_t cap, size_t *n)
{
	size_t have = 0;
	if (!m->ended && m->parts && next_data(m, &have))
		return -1;
	*n = MIN(have, cap);
	memcpy(at, m->window + m->at, *n);
	m->at += *n;
	return 0;
}

status multipart_text(struct multipart *m, size_t max, struct str *out)
{
	size_t cap = 256, len = 0, n;
	char *at = arena_text(m->mem, cap);
	for (;;) {
		if (multipart_read(m, at + len, cap - len, &n))
			return -1;
		len += n;
		if (len > max)
			return err_set(ERR_TOO_LARGE, "the form field \"%.*s\" is larger than %zu bytes",
				       STR(m->part.name), max);
		if (!n)
			break;
		if (len == cap) {
			at = arena_grow(m->mem, at, cap, size_mul(cap, 2));
			cap *= 2;
		}
	}
	*out = str_of(at, len);
	return 0;
}
