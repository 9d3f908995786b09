/* SPDX-License-Identifier: Apache-2.0 */
/* sentence: see sentence.h. Walks the text once, line by line, then each paragraph once. */
#include "text/sentence.h"

#include <string.h>

#include "base/arena.h"
#include "base/vec.h"

struct splitter {
	struct arena *mem;
	struct str all;
	struct str title, heading;
	uint32_t paragraph, section;
	const char *open; /* start of the paragraph being gathered, NULL = none */
	const char *end;
	enum sentence_kind kind;
	VEC(struct sentence) out;
};

/* Words before which a full stop ends nothing. Lower case, without the stop. */
static const char *const abbreviations[] = {
	"mr", "mrs", "ms", "dr", "prof", "st", "vs", "etc", "e.g", "i.e", "cf", "al", "fig", "no",
	"vol", "pp", "p", "approx", "inc", "ltd", "co", "corp", "jr", "sr", "dept", "est", "min",
	"max", "sec", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov",
	"dec", "u.s", "u.k", "a.m", "p.m", "ver", "ch",
};

static void add(struct splitter *s, const char *from, const char *to)
{
	struct str t = str_trim(str_of(from, (size_t)(to - from)));
	while (t.len && s->out.len < SENTENCE_COUNT_MAX) {
		struct str part = t;
		if (part.len > SENTENCE_LEN_MAX) {
			part.len = SENTENCE_LEN_MAX;
			while (part.len > 1 && ((unsigned char)t.at[part.len] & 0xC0) == 0x80)
				part.len--;
		}
		struct sentence one = { .text = str_trim(part), .title = s->title };
		one.heading = s->heading;
		one.offset = (size_t)(one.text.at - s->all.at);
		one.paragraph = s->paragraph;
		one.section = s->section;
		one.kind = s->kind;
		vec_push(s->mem, &s->out, one);
		t = str_trim(str_skip(t, part.len));
	}
}

static bool is_abbreviation(struct str before)
{
	size_t start = before.len;
	while (start && before.at[start - 1] != ' ' && before.at[start - 1] != '\n' &&
	       before.at[start - 1] != '(')
		start--;
	struct str word = str_skip(before, start);
	bool letter = word.len && (((unsigned char)word.at[0] | 0x20) >= 'a') &&
		      (((unsigned char)word.at[0] | 0x20) <= 'z');
	if (word.len == 1 && letter) /* an initial: "J. Doe", but not "plan B." at a line's end */
		return word.at[0] >= 'A' && word.at[0] <= 'Z';
	for (size_t i = 0; i < countof(abbreviations); i++)
		if (str_eq_nocase(word, str_c(abbreviations[i])))
			return true;
	return false;
}

static bool is_wide_stop(uint32_t c)
{
	return c == 0x3002 || c == 0xFF01 || c == 0xFF1F || c == 0xFF0E || c == 0xFF61;
}

/* Marks that belong to the sentence which they close. */
static bool is_closer(uint32_t c)
{
	return c == '"' || c == '\'' || c == ')' || c == ']' || c == '*' || c == '_' || c == 0x300D ||
	       c == 0x300F || c == 0xFF09 || c == 0x3011 || c == 0x201D || c == 0x2019 || c == 0x300B;
}

static int bracket(uint32_t c)
{
	if (c == 0x300C || c == 0x300E || c == 0xFF08)
		return 1;
	return c == 0x300D || c == 0x300F || c == 0xFF09 ? -1 : 0;
}

static bool western_end(struct str p, size_t stop, size_t next, uint32_t c)
{
	size_t i = next;
	if (i >= p.len)
		return true;
	if (p.at[i] != ' ' && p.at[i] != '\n' && p.at[i] != '\t')
		return false;
	while (i < p.len && (p.at[i] == ' ' || p.at[i] == '\n' || p.at[i] == '\t'))
		i++;
	if (i >= p.len)
		return true;
	if (p.at[i] >= 'a' && p.at[i] <= 'z') /* "e.g. this", "Tatara! is a name" */
		return false;
	return c != '.' || !is_abbreviation(str_sub(p, 0, stop));
}

/* After a quotation that holds whole sentences the outer sentence usually goes on ("... to itta"). */
static bool starts_anew(struct str p, size_t i)
{
	return i >= p.len || p.at[i] == '\n' || p.at[i] == ' ' || bracket(utf8_next(p, &i)) > 0;
}

static void split_paragraph(struct splitter *s, struct str p)
{
	size_t start = 0, i = 0;
	int depth = 0;
	while (i < p.len) {
		size_t stop = i;
		uint32_t c = utf8_next(p, &i);
		depth = MAX(0, depth + bracket(c));
		bool wide = is_wide_stop(c);
		if (!wide && c != '.' && c != '!' && c != '?')
			continue;
		bool quoted = depth > 0;
		size_t after = i;
		while (after < p.len) {
			size_t k = after;
			uint32_t d = utf8_next(p, &k);
			if (!is_closer(d) && !is_wide_stop(d) && d != '!' && d != '?')
				break;
			depth = MAX(0, depth + bracket(d));
			after = k;
		}
		if (wide ? depth > 0 || (quoted && !starts_anew(p, after))
			 : !western_end(p, stop, after, c))
			continue;
		add(s, p.at + start, p.at + after);
		start = i = after;
	}
	add(s, p.at + start, p.at + p.len);
}

static void flush(struct splitter *s)
{
	if (!s->open)
		return;
	struct str p = str_of(s->open, (size_t)(s->end - s->open));
	if (s->kind == SENTENCE_CODE)
		add(s, s->open, s->end);
	else
		split_paragraph(s, p);
	s->open = NULL;
	s->kind = SENTENCE_TEXT;
}

static void gather(struct splitter *s, struct str line)
{
	if (!s->open) {
		s->open = line.at;
		s->paragraph++;
	}
	s->end = line.at + line.len;
}

/* "# Title" to "###### Sub"; the level, 0 = no heading. */
static size_t heading_level(struct str line, struct str *text)
{
	size_t n = 0;
	while (n < line.len && line.at[n] == '#')
		n++;
	if (!n || n > SENTENCE_HEADINGS || n == line.len || line.at[n] != ' ')
		return 0;
	*text = str_trim(str_skip(line, n));
	while (text->len && text->at[text->len - 1] == '#')
		text->len--;
	*text = str_trim(*text);
	return n;
}

/* Length of "- ", "* ", "1. " and the like in front of a list item, 0 = none. */
static size_t item_mark(struct str line)
{
	if (line.len > 1 && strchr("-*+", line.at[0]) && line.at[1] == ' ')
		return 2;
	size_t n = 0;
	while (n < line.len && n < 4 && line.at[n] >= '0' && line.at[n] <= '9')
		n++;
	bool mark = n && n + 1 < line.len && (line.at[n] == '.' || line.at[n] == ')');
	return mark && line.at[n + 1] == ' ' ? n + 2 : 0;
}

static bool is_fence(struct str line)
{
	return str_starts(line, S("```")) || str_starts(line, S("~~~"));
}

/* A table's rule or a thematic break says nothing. */
static bool is_rule(struct str line)
{
	for (size_t i = 0; i < line.len; i++)
		if (!strchr("-=|:*_ ", line.at[i]))
			return false;
	return line.len >= 3;
}

static void text_line(struct splitter *s, struct str line)
{
	struct str heading;
	size_t level = heading_level(line, &heading), mark = item_mark(line);
	if (level) {
		flush(s);
		s->section++;
		s->heading = level == 1 ? S("") : heading;
		if (level == 1)
			s->title = heading;
	} else if (!line.len || is_rule(line)) {
		flush(s);
	} else if (mark || line.at[0] == '|') {
		/* an item goes on with the lines below it */
		uint32_t paragraph = s->paragraph;
		bool follows = s->open && s->kind == SENTENCE_ITEM;
		flush(s);
		gather(s, str_skip(line, mark));
		if (follows)
			s->paragraph = paragraph;
		s->kind = SENTENCE_ITEM;
	} else {
		while (line.len && line.at[0] == '>')
			line = str_trim(str_skip(line, 1));
		if (line.len)
			gather(s, line);
	}
}

size_t sentence_split(struct arena *mem, struct str text, struct sentence **out)
{
	struct splitter s = { .mem = mem, .all = text };
	struct str rest = text;
	bool code = false;
	while (rest.at && rest.len) {
		struct str line = str_trim(str_cut(&rest, '\n'));
		if (is_fence(line)) {
			flush(&s);
			code = !code;
		} else if (code) {
			gather(&s, line.len ? line : str_of(line.at, 0));
			s.kind = SENTENCE_CODE;
		} else {
			text_line(&s, line);
		}
	}
	flush(&s);
	*out = s.out.at;
	return s.out.len;
}

struct str sentence_in_place(struct arena *mem, const struct sentence *s)
{
	struct str place = s->heading.len ? s->heading : s->title;
	return arena_printf(mem, "%.*s%s%.*s", STR(place), place.len ? "\n" : "", STR(s->text));
}

enum script script_of(struct str s)
{
	size_t kana = 0, han = 0, other = 0;
	for (size_t i = 0; i < s.len;) {
		uint32_t c = utf8_next(s, &i);
		if (c >= 0x3041 && c <= 0x30FF)
			kana++;
		else if ((c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF))
			han++;
		else if (c > ' ')
			other++;
	}
	if (kana)
		return SCRIPT_JAPANESE;
	/* product names and code words are Latin in Chinese questions too */
	return han && han * 4 >= other ? SCRIPT_CHINESE : SCRIPT_LATIN;
}
