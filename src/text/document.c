/* SPDX-License-Identifier: Apache-2.0 */
/* document: which reader a file gets, and the small readers. See document.h. */
#include "text/document.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mime.h"
#include "base/vec.h"
#include "base/yaml.h"
#include "text/charset.h"
#include "text/csv.h"

/* --- small readers: text in, text out --- */

static status read_plain(struct arena *mem, struct str text, struct str *out)
{
	(void)mem;
	*out = text;
	return 0;
}

static status broken(const char *kind)
{
	struct err why;
	err_save(&why);
	return err_set(why.code, "Failed to decode or parse %s file: %.900s", kind, why.text);
}

static status read_json(struct arena *mem, struct str text, struct str *out)
{
	struct json *v;
	if (json_parse(mem, text, &v))
		return broken("JSON");
	*out = json_text(mem, v, JSON_INDENT2);
	return 0;
}

static status read_yaml(struct arena *mem, struct str text, struct str *out)
{
	struct json *v;
	if (yaml_parse(mem, text, &v))
		return broken("YAML");
	*out = yaml_text(mem, v);
	return 0;
}

status document_properties(struct arena *mem, struct str text, struct str *out)
{
	struct buf b = buf_make(mem, 0);
	struct str line;
	for (bool first = true; str_next_line(&text, &line); first = false) {
		line = str_trim(line);
		if (!first)
			buf_putc(&b, '\n');
		size_t at = str_find_char(line, '=');
		if (at == SIZE_MAX)
			at = str_find_char(line, ':');
		if (!line.len || line.at[0] == '#' || line.at[0] == '!') {
			buf_put(&b, line);
			continue;
		}
		buf_put(&b, str_trim(str_sub(line, 0, at)));
		buf_puts(&b, ": ");
		buf_put(&b, at == SIZE_MAX ? S("") : str_trim(str_skip(line, at + 1)));
	}
	*out = buf_str(&b);
	return buf_done(&b);
}

/* --- CSV --- */

/* Line ends in cells would break the table. */
static void put_cell(struct buf *out, struct str cell)
{
	for (size_t i = 0; i < cell.len; i++) {
		if (cell.at[i] == '\n')
			buf_putc(out, ' ');
		else if (cell.at[i] != '\r')
			buf_putc(out, cell.at[i]);
	}
}

/* A row of the table; below the first one a rule as wide as its cells. */
static void put_row(struct buf *out, const struct str *cells, size_t n, bool first)
{
	struct buf rule = buf_make(out->mem, 0);
	buf_puts(out, "| ");
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_puts(out, " | ");
		size_t from = out->len;
		put_cell(out, cells[i]);
		if (!first)
			continue;
		if (i)
			buf_puts(&rule, " | ");
		for (size_t w = utf8_count(str_of(out->at + from, out->len - from)); w; w--)
			buf_putc(&rule, '-');
	}
	buf_puts(out, " |\n");
	if (!first)
		return;
	buf_puts(out, "| ");
	buf_put(out, buf_str(&rule));
	buf_puts(out, " |\n");
}

status document_csv(struct arena *mem, struct str text, struct str *out)
{
	struct buf b = buf_make(mem, 0);
	struct csv c = { text, 0 };
	struct str *cells;
	AUTO(arena) row = { arena_open(0) };
	for (size_t n; !b.overflow && csv_row(row.p, &c, &cells, &n); arena_reset(row.p))
		put_row(&b, cells, n, !b.len);
	*out = b.len ? buf_str(&b) : S("");
	return buf_done(&b);
}

/* --- WebVTT --- */

struct turn {
	struct str speaker;
	struct buf text;
	bool open;
};

static void end_turn(struct buf *out, struct turn *t)
{
	if (!t->open)
		return;
	if (out->len)
		buf_putc(out, '\n');
	buf_put(out, t->speaker);
	buf_printf(out, "%s\"%.*s\"", t->speaker.len ? " " : "", STR(buf_str(&t->text)));
	t->open = false;
}

/* The name in "<v Name>" or "<v.loud Name>" at the start of a cue. */
static struct str speaker_of(struct str cue)
{
	if (!str_starts(cue, S("<v")) || cue.len < 3 || (cue.at[2] != ' ' && cue.at[2] != '.'))
		return S("");
	struct str tag = str_sub(cue, 0, MIN(str_find_char(cue, '>'), cue.len));
	size_t blank = str_find_char(tag, ' ');
	return blank == SIZE_MAX ? S("") : str_trim(str_skip(tag, blank));
}

static void put_untagged(struct buf *out, struct str s)
{
	while (s.len) {
		size_t open = MIN(str_find_char(s, '<'), s.len);
		buf_put(out, str_sub(s, 0, open));
		size_t close = str_find_char(str_skip(s, open), '>');
		s = close == SIZE_MAX ? S("") : str_skip(s, open + close + 1);
	}
}

static void add_cue(struct arena *mem, struct buf *out, struct turn *t, struct str cue)
{
	struct str speaker = speaker_of(cue);
	if (!t->open || !str_eq(speaker, t->speaker)) {
		end_turn(out, t);
		*t = (struct turn){ speaker, buf_make(mem, 0), true };
	} else {
		buf_putc(&t->text, ' ');
	}
	put_untagged(&t->text, cue);
}

status document_vtt(struct arena *mem, struct str text, struct str *out)
{
	struct buf b = buf_make(mem, 0), cue = buf_make(mem, 0);
	struct turn turn = { 0 };
	struct str line;
	bool in_cue = false;
	while (str_next_line(&text, &line)) {
		bool time = str_has(line, S("-->"));
		if (in_cue && (time || !str_trim(line).len)) {
			add_cue(mem, &b, &turn, buf_str(&cue));
			in_cue = false;
		}
		if (time) {
			in_cue = true;
			cue = buf_make(mem, 0);
		} else if (in_cue) {
			if (cue.len)
				buf_putc(&cue, '\n');
			buf_put(&cue, line);
		}
	}
	if (in_cue)
		add_cue(mem, &b, &turn, buf_str(&cue));
	end_turn(&b, &turn);
	*out = b.len ? buf_str(&b) : S("");
	return buf_done(&b);
}

/* --- the table --- */

struct reader {
	const char *extensions; /* separated by blanks */
	status (*text)(struct arena *, struct str text, struct str *out);
	const char *later; /* what it is, when there is no reader yet */
	bool bytes;	   /* of its own: no charset is looked for */
};
static const struct reader readers[] = {
	{"txt md markdown mdx html htm xml svg log rst tex srt tsv toml ini cfg conf env "
	 "py js mjs cjs ts jsx tsx java kt scala c h cc cpp hpp cs go rs rb php swift m pl lua r "
	 "jl "
	 "sh bash zsh bat ps1 sql css scss less vue svelte dockerfile makefile gradle proto "
	 "graphql", read_plain,          NULL,                       false},
	{"json",             read_json,           NULL,                       false},
	{"yaml yml",         read_yaml,           NULL,                       false},
	{"csv",              document_csv,        NULL,                       false},
	{"vtt",              document_vtt,        NULL,                       false},
	{"properties",       document_properties, NULL,                       false},
	{"eml",              NULL,                NULL,                       true },
	{"pdf",              NULL,                "PDF documents",            false},
	{"doc docx odt rtf", NULL,                "word processor documents", false},
	{"xls xlsx",         NULL,                "spreadsheets",             false},
	{"ppt pptx",         NULL,                "presentations",            false},
	{"epub",             NULL,                "EPUB books",               false},
	{"msg",              NULL,                "Outlook messages",         false},
};

static bool in_list(const char *list, struct str word)
{
	struct str rest = str_c(list);
	while (rest.len)
		if (str_eq_nocase(str_cut(&rest, ' '), word))
			return true;
	return false;
}

static const struct reader *find(struct str extension)
{
	for (size_t i = 0; extension.len && i < countof(readers); i++)
		if (in_list(readers[i].extensions, extension))
			return &readers[i];
	return NULL;
}

static status unsupported(const struct document *d, struct str extension, const struct reader *r)
{
	if (r)
		return err_set(
			ERR_UNSUPPORTED,
			"Unsupported Extension Type: .%.*s (this server does not read %s yet)",
			STR(extension), r->later);
	if (extension.len)
		return err_set(ERR_UNSUPPORTED, "Unsupported Extension Type: .%.*s",
			       STR(extension));
	return err_set(ERR_UNSUPPORTED, "Unsupported MIME type: %.*s", STR(d->mime_type));
}

status document_text(struct arena *mem, const struct document *d, struct str *out)
{
	struct str extension = d->extension, text;
	size_t max = d->text_max ? d->text_max : BUF_MAX_DEFAULT;
	if (str_starts(extension, S(".")))
		extension = str_skip(extension, 1);
	const struct reader *r = find(extension);
	if (!r)
		r = find(mime_extension(d->mime_type));
	if (!r && !extension.len && str_starts(d->mime_type, S("text/")))
		r = &readers[0];
	if (!r || r->later)
		return unsupported(d,
				   extension.len ? extension
				   : r           ? mime_extension(d->mime_type)
						 : S(""),
				   r);
	if (r->bytes)
		return document_eml(mem, d->bytes, max, out);
	if (charset_decode(mem, d->bytes, mime_param(d->mime_type, S("charset")), max, &text) ||
	    r->text(mem, text, &text))
		return -1;
	if (text.len > max)
		return err_set(ERR_TOO_LARGE, "The text of the document is larger than %zu bytes",
			       max);
	*out = text.len ? text : S("");
	return 0;
}
