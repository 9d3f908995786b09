/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template: {{#id.name#}} in texts (workflow.md 4.4). Anything that does not match the pattern
 * exactly stays literal. A reference that is not found renders as its bare selector; a literal
 * that as a whole is a selector that can be found is replaced as well, as clients expect.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "base/vec.h"
#include "flow/pool.h"

static bool word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Length of a run of word characters, at most max. */
static size_t word_run(struct str s, size_t max)
{
	size_t n = 0;
	while (n < s.len && n < max && word(s.at[n]))
		n++;
	return n;
}

enum { ID_MAX = 50, NAME_MAX_LEN = 30, NAMES_MAX = 10 };

/* `s` starts after "{{#": the selector's length when it and "#}}" match, else 0. */
static size_t match_selector(struct str s, size_t *names)
{
	size_t n = word_run(s, ID_MAX);
	if (!n)
		return 0;
	for (*names = 0; *names < NAMES_MAX && n < s.len && s.at[n] == '.'; ++*names) {
		struct str rest = str_skip(s, n + 1);
		size_t len = word_run(rest, NAME_MAX_LEN);
		if (!len || (rest.at[0] >= '0' && rest.at[0] <= '9'))
			return 0;
		n += 1 + len;
	}
	if (!*names || !str_starts(str_skip(s, n), S("#}}")))
		return 0;
	return n;
}

static void split_parts(struct arena *mem, struct template_part *p)
{
	size_t n = 1;
	for (size_t i = 0; i < p->text.len; i++)
		n += p->text.at[i] == '.';
	p->parts = arena_array(mem, struct str, n);
	struct str rest = p->text;
	for (size_t i = 0; i < n; i++)
		p->parts[i] = str_cut(&rest, '.');
	p->count = n;
}

struct part_list {
	VEC(struct template_part) v;
};

static void add_part(struct arena *mem, struct part_list *list, struct str text, bool variable)
{
	if (!text.len)
		return;
	struct template_part p = { .variable = variable, .text = text };
	if (variable || (text.len <= 256 && str_find_char(text, '.') != SIZE_MAX))
		split_parts(mem, &p);
	vec_push(mem, &list->v, p);
}

void template_parse(struct arena *mem, struct str text, struct template *out)
{
	struct part_list list = { { 0 } };
	size_t from = 0, i = 0;
	while (i < text.len) {
		size_t names, n, at = str_find(str_skip(text, i), S("{{#"));
		if (at == SIZE_MAX)
			break;
		i += at;
		n = match_selector(str_skip(text, i + 3), &names);
		if (!n) {
			i++;
			continue;
		}
		add_part(mem, &list, str_sub(text, from, i - from), false);
		add_part(mem, &list, str_sub(text, i + 3, n), true);
		i += 3 + n + 3;
		from = i;
	}
	add_part(mem, &list, str_skip(text, from), false);
	*out = (struct template){ list.v.at, list.v.len };
}

void template_render(struct buf *b, const struct template *t, const struct pool *pool,
		     enum var_form form)
{
	for (size_t i = 0; i < t->len; i++) {
		const struct template_part *p = &t->parts[i];
		struct var v;
		if (p->count && pool_get(pool, p->parts, p->count, &v))
			var_render(b, &v, form);
		else
			buf_put(b, p->text);
	}
}

struct str template_text(struct arena *mem, struct str text, const struct pool *pool,
			 enum var_form form)
{
	struct template t;
	template_parse(mem, text, &t);
	struct buf b = buf_make(mem, 0);
	template_render(&b, &t, pool, form);
	return buf_str(&b);
}
