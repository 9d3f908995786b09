/* SPDX-License-Identifier: Apache-2.0 */
#include "text/charset.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <uchardet/uchardet.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum {
	LOOKED_AT = 256 << 10, /* bytes that the guess is made from */
	CHUNK = 16 << 10,
	NAME_MAX_LEN = 40,
};

/* What follows is the charset of the bytes after the mark. UTF-32 before UTF-16: it begins alike.
 */
static const struct {
	struct str mark, name;
} marks[] = {
	{ S_INIT("\xEF\xBB\xBF"), S_INIT("UTF-8") },
	{ S_INIT("\xFF\xFE\0\0"), S_INIT("UTF-32LE") },
	{ S_INIT("\0\0\xFE\xFF"), S_INIT("UTF-32BE") },
	{ S_INIT("\xFF\xFE"), S_INIT("UTF-16LE") },
	{ S_INIT("\xFE\xFF"), S_INIT("UTF-16BE") },
};

/* Names that reach iconv: letters, digits and a few marks, never its "//IGNORE" and the like. */
static bool name_ok(struct str name)
{
	if (!name.len || name.len > NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.at[i];
		bool alnum = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
		if (!alnum && c != '-' && c != '_' && c != '.' && c != ':')
			return false;
	}
	return true;
}

/* strict: false at the first broken byte, else those become U+FFFD. */
static bool convert(struct buf *out, struct str in, struct str from, bool strict)
{
	char name[NAME_MAX_LEN + 1];
	memcpy(name, from.at, from.len);
	name[from.len] = 0;
	iconv_t cd = iconv_open("UTF-8", name);
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): how iconv says no */
	if (cd == (iconv_t)-1)
		return false;
	char *src = (char *)(uintptr_t)in.at, *piece = arena_text(out->mem, CHUNK);
	size_t left = in.len;
	bool good = true;
	while (left && good && !out->overflow) {
		char *dst = piece;
		size_t room = CHUNK;
		size_t n = iconv(cd, &src, &left, &dst, &room);
		buf_put(out, str_of(piece, (size_t)(dst - piece)));
		if (n != (size_t)-1 || errno == E2BIG)
			continue;
		good = !strict;
		if (good) { /* broken or cut off */
			buf_puts(out, "\xEF\xBF\xBD");
			src++;
			left--;
			(void)iconv(cd, NULL, NULL, NULL, NULL);
		}
	}
	iconv_close(cd);
	return good;
}

static struct str guess(struct arena *mem, struct str in)
{
	uchardet_t d = uchardet_new();
	struct str name = S("");
	if (uchardet_handle_data(d, in.at, MIN(in.len, (size_t)LOOKED_AT)) == 0) {
		uchardet_data_end(d);
		name = arena_str(mem, str_c(uchardet_get_charset(d)));
	}
	uchardet_delete(d);
	return name;
}

/* UTF-8 with each broken byte as U+FFFD. iconv is no help: its UTF-8 goes beyond Unicode. */
static void repair(struct buf *out, struct str in)
{
	char at[4];
	for (size_t i = 0; i < in.len;)
		buf_put(out, str_of(at, utf8_put(at, utf8_next(in, &i))));
}

status charset_decode(struct arena *mem, struct str bytes, struct str declared, size_t max,
		      struct str *out)
{
	struct buf b = buf_make(mem, max ? max : BUF_MAX_DEFAULT);
	struct str marked = S("");
	for (size_t i = 0; i < countof(marks) && !marked.len; i++)
		if (str_starts(bytes, marks[i].mark)) {
			bytes = str_skip(bytes, marks[i].mark.len);
			marked = marks[i].name;
		}
	if ((!marked.len || str_eq(marked, S("UTF-8"))) && utf8_valid(bytes)) {
		buf_put(&b, bytes);
		*out = bytes.len ? buf_str(&b) : S("");
		return buf_done(&b);
	}
	bool strict_done = false;
	if (!marked.len && name_ok(declared)) {
		strict_done = convert(&b, bytes, declared, true);
		if (!strict_done && !b.overflow)
			buf_clear(&b);
	}
	if (!strict_done && !b.overflow) {
		struct str name = marked.len ? marked : guess(mem, bytes);
		if (!name_ok(name) || !convert(&b, bytes, name, false)) {
			buf_clear(&b);
			repair(&b, bytes);
		}
	}
	if (buf_done(&b))
		return -1;
	if (!utf8_valid(buf_str(&b))) {
		struct buf good = buf_make(mem, b.max);
		repair(&good, buf_str(&b));
		b = good;
		if (buf_done(&b))
			return -1;
	}
	*out = b.len ? buf_str(&b) : S("");
	return 0;
}
