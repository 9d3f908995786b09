/* SPDX-License-Identifier: Apache-2.0 */
/* refs: see refs.h. */
#include "app/refs.h"

#include "base/arena.h"
#include "base/buf.h"
#include "flow/pool.h"

enum { DEPTH_MAX = 40 };

struct str ref_text(struct arena *mem, const struct ref *ref)
{
	struct buf b = buf_make(mem, 0);
	for (size_t i = 0; i < ref->n; i++) {
		if (i)
			buf_putc(&b, '.');
		buf_put(&b, ref->parts[i]);
	}
	return buf_str(&b);
}

struct str ref_field(struct arena *mem, const struct ref_place *place)
{
	const struct ref_place *way[DEPTH_MAX + 2];
	struct buf b = buf_make(mem, 0);
	size_t n = 0;
	for (; place && n < countof(way); place = place->up)
		way[n++] = place;
	while (n--) {
		if (way[n]->key.len)
			buf_printf(&b, "%s%.*s", b.len ? "." : "", STR(way[n]->key));
		else
			buf_printf(&b, "[%zu]", way[n]->index);
	}
	return buf_str(&b);
}

static void in_text(const struct refs *r, const struct ref_place *at)
{
	struct template t;
	struct str text = json_as_str(at->value, S(""));
	if (!str_has(text, S("{{#")))
		return;
	template_parse(r->mem, text, &t);
	for (size_t i = 0; i < t.len; i++) {
		struct ref ref = {t.parts[i].parts, t.parts[i].count, at, true};
		if (t.parts[i].variable && ref.n >= 2)
			r->found(r->ctx, &ref);
	}
}

/* A list of texts is a selector where its key says so, or when it begins with something known. */
static bool is_selector(const struct refs *r, const struct ref_place *at, const struct str *parts,
			size_t n)
{
	static const struct str scopes[] = {S_INIT("sys"), S_INIT("env"), S_INIT("conversation")};
	if (n < 2)
		return false;
	for (; at && !at->key.len; at = at->up)
		;
	if (at && str_ends(at->key, S("selector")))
		return true;
	for (size_t i = 0; i < countof(scopes); i++)
		if (str_eq(scopes[i], parts[0]))
			return true;
	return r->known(r->ctx, parts[0]);
}

static void look(const struct refs *r, const struct ref_place *at, int depth)
{
	const struct json *v = at->value;
	struct str parts[SELECTOR_PARTS_MAX];
	if (depth > DEPTH_MAX)
		return;
	if (v->type == JSON_STR)
		in_text(r, at);
	if (v->type == JSON_ARR) {
		struct ref ref = {parts, selector_read(v, parts), at, false};
		if (is_selector(r, at, parts, ref.n)) {
			r->found(r->ctx, &ref);
			return;
		}
		for (size_t i = 0; i < v->len; i++) {
			struct ref_place item = {at, S(""), i, &v->items[i]};
			look(r, &item, depth + 1);
		}
	}
	if (v->type != JSON_OBJ || !json_get_bool(v, S("enabled"), true))
		return; /* what is switched off may be stale */
	json_each_member(v, m)
	{
		struct ref_place member = {at, m->name, 0, &m->value};
		look(r, &member, depth + 1);
	}
}

/* Texts in other languages than our templates. */
static bool is_foreign(struct str type, struct str key)
{
	return (str_eq(type, S("code")) && str_eq(key, S("code"))) ||
	       (str_eq(type, S("template-transform")) && str_eq(key, S("template"))) ||
	       str_eq(key, S("title")) || str_eq(key, S("desc"));
}

void refs_each(const struct refs *r, const struct json *data)
{
	json_each_member(data, m)
	{
		struct ref_place top = {NULL, m->name, 0, &m->value};
		if (!is_foreign(r->type, m->name))
			look(r, &top, 0);
	}
}
