/* SPDX-License-Identifier: Apache-2.0 */
/* json_tools: the built-in tools that take JSON apart and change it (provider json_process). */
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "tool/json_path.h"
#include "tool/tool_int.h"

struct work {
	struct builtin_call *c;
	struct json *root;
	struct json_place *places;
	size_t n;
	unsigned form;
};

static struct str text_arg(const struct builtin_call *c, const char *name)
{
	return json_get_str(c->args, str_c(name));
}

static bool flag(const struct builtin_call *c, const char *name, bool fallback)
{
	return json_as_bool(json_get(c->args, str_c(name)), fallback);
}

static status open_work(struct builtin_call *c, const char *path, struct work *w)
{
	*w = (struct work){.c = c,
			   .form = JSON_SPACED | (flag(c, "ensure_ascii", true) ? JSON_ASCII : 0)};
	if (json_parse(c->mem, text_arg(c, "content"), &w->root))
		return err_set(ERR_INVALID, "Invalid content: %.*s", STR(err_text()));
	return json_path_find(c->mem, w->root, text_arg(c, path), &w->places, &w->n);
}

static status say(struct work *w)
{
	tool_say(w->c->mem, w->c->result, json_text(w->c->mem, w->root, w->form));
	return 0;
}

/* new_value as it stands, or as the JSON that it is. */
static status value_arg(struct builtin_call *c, const char *name, struct json **out)
{
	struct str text = text_arg(c, name);
	if (!flag(c, "value_decode", false)) {
		*out = json_str(c->mem, text);
		return 0;
	}
	return json_parse(c->mem, text, out)
		       ? err_set(ERR_INVALID, "Cannot decode %s as JSON: %.*s", name,
				 STR(err_text()))
		       : 0;
}

status builtin_json_parse(struct builtin_call *c)
{
	struct work w;
	if (open_work(c, "json_filter", &w))
		return -1;
	struct json *found = json_arr(c->mem);
	for (size_t i = 0; i < w.n; i++)
		json_push(c->mem, found, w.places[i].value);
	if (!w.n)
		return 0;
	w.root = w.n == 1 ? json_at(found, 0) : found;
	if (json_is(w.root, JSON_STR)) {
		tool_say(c->mem, c->result, json_as_str(w.root, S("")));
		return 0;
	}
	return say(&w);
}

/* From the last to the first, so that places before stay where they are. */
status builtin_json_delete(struct builtin_call *c)
{
	struct work w;
	if (open_work(c, "query", &w))
		return -1;
	for (size_t i = w.n; i-- > 0;) {
		struct json_place *p = &w.places[i];
		if (json_is(p->parent, JSON_OBJ)) {
			(void)json_remove(p->parent, p->name);
		} else if (json_is(p->parent, JSON_ARR) && p->index < p->parent->len) {
			for (size_t k = p->index; k + 1 < p->parent->len; k++)
				p->parent->items[k] = p->parent->items[k + 1];
			p->parent->len--;
		}
	}
	return say(&w);
}

static void insert_at(struct arena *mem, struct json *list, const struct json *value, int64_t index)
{
	json_push(mem, list, value);
	int64_t len = (int64_t)list->len,
		at = index < 0 ? MAX(index + len - 1, 0) : MIN(index, len - 1);
	for (int64_t k = len - 1; k > at; k--) {
		struct json swap = list->items[k];
		list->items[k] = list->items[k - 1];
		list->items[k - 1] = swap;
	}
}

status builtin_json_insert(struct builtin_call *c)
{
	struct work w;
	struct json *value;
	const struct json *index = json_get(c->args, S("index"));
	if (open_work(c, "query", &w) || value_arg(c, "new_value", &value))
		return -1;
	if (!w.n && !(flag(c, "create_path", false) &&
		      json_path_create(c->mem, w.root, text_arg(c, "query"), value)))
		return err_set(ERR_INVALID,
			       "The query finds nothing, and its path cannot be created");
	for (size_t i = 0; i < w.n; i++) {
		struct json *at = w.places[i].value;
		if (json_is(at, JSON_ARR) && json_is(index, JSON_INT))
			insert_at(c->mem, at, value, json_as_int(index, 0));
		else if (json_is(at, JSON_ARR))
			json_push(c->mem, at, value);
		else if (json_is(at, JSON_OBJ) && json_is(value, JSON_OBJ))
			json_each_member(value, m) json_set(c->mem, at, m->name, &m->value);
		else
			*at = *json_copy(c->mem, value);
	}
	return say(&w);
}

static struct str replaced(struct arena *mem, struct str text, struct str what, struct str by)
{
	struct buf b = buf_make(mem, TOOL_TEXT_MAX);
	for (size_t at; what.len && (at = str_find(text, what)) != SIZE_MAX;) {
		buf_put(&b, str_sub(text, 0, at));
		buf_put(&b, by);
		text = str_skip(text, at + what.len);
	}
	buf_put(&b, text);
	return buf_str(&b);
}

/* Modes: value (the whole), pattern (inside texts), key (the name of a member). */
status builtin_json_replace(struct builtin_call *c)
{
	struct work w;
	struct json *value;
	struct str mode = text_arg(c, "replace_model"), pattern = text_arg(c, "replace_pattern");
	if (open_work(c, "query", &w) || value_arg(c, "replace_value", &value))
		return -1;
	for (size_t i = 0; i < w.n; i++) {
		struct json_place *p = &w.places[i];
		if (str_eq(mode, S("key"))) {
			json_each_member(p->parent, m) if (&m->value == p->value) m->name =
				json_as_str(value, S(""));
		} else if (str_eq(mode, S("pattern"))) {
			if (json_is(p->value, JSON_STR))
				*p->value = *json_str(c->mem,
						      replaced(c->mem, json_as_str(p->value, S("")),
							       pattern, json_as_str(value, S(""))));
		} else {
			*p->value = *json_copy(c->mem, value);
		}
	}
	return say(&w);
}
