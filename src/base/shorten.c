/* SPDX-License-Identifier: Apache-2.0 */
/* shorten: one walk that spends a budget; nothing is copied before something must be cut. */
#include "base/shorten.h"

#include "base/arena.h"
#include "base/config.h"
#include "base/enc.h"

enum { MARK_LEN = 3 };

struct walk {
	struct arena *mem;
	const struct shorten_limits *limits;
	int64_t left; /* bytes of JSON text */
	bool cut;
};

struct shorten_limits shorten_limits_of(const struct config *c)
{
	return (struct shorten_limits){
		.string_chars = config_int(c, CONFIG_WORKFLOW_VARIABLE_TRUNCATION_STRING_LENGTH),
		.array_items = config_int(c, CONFIG_WORKFLOW_VARIABLE_TRUNCATION_ARRAY_LENGTH),
		.total_bytes = config_int(c, CONFIG_WORKFLOW_VARIABLE_TRUNCATION_MAX_SIZE),
	};
}

/* An item takes two bytes of text at the least. */
bool shorten_may(const struct shorten_limits *l, size_t text_len)
{
	int64_t least = MIN(MIN(l->string_chars, l->array_items * 2), l->total_bytes);
	return (int64_t)text_len > least;
}

static struct json text_part(struct walk *w, const struct json *v)
{
	struct str t = json_as_str(v, S(""));
	size_t keep = t.len;
	if ((int64_t)t.len > w->limits->string_chars)
		keep = utf8_prefix(t, (size_t)w->limits->string_chars);
	if ((int64_t)keep > w->left) {
		keep = (size_t)MAX(w->left, 0);
		while (keep && ((unsigned char)t.at[keep] & 0xc0) == 0x80)
			keep--;
	}
	w->left -= (int64_t)keep + 2;
	if (keep == t.len)
		return *v;
	w->cut = true;
	keep = keep > MARK_LEN ? keep - MARK_LEN : 0;
	while (keep && ((unsigned char)t.at[keep] & 0xc0) == 0x80)
		keep--;
	return *json_str(w->mem, arena_printf(w->mem, "%.*s...", STR(str_sub(t, 0, keep))));
}

static struct json part(struct walk *w, const struct json *v, int depth);

static struct json array_part(struct walk *w, const struct json *v, int depth)
{
	struct json *out = json_arr(w->mem);
	for (size_t i = 0; i < v->len; i++) {
		if ((int64_t)i >= w->limits->array_items || w->left <= 0) {
			w->cut = true;
			break;
		}
		struct json item = part(w, &v->items[i], depth + 1);
		json_push(w->mem, out, &item);
	}
	return *out;
}

static struct json object_part(struct walk *w, const struct json *v, int depth)
{
	struct json *out = json_obj(w->mem);
	json_each_member(v, m) {
		if (w->left <= 0) {
			w->cut = true;
			break;
		}
		w->left -= (int64_t)m->name.len + 4;
		struct json value = part(w, &m->value, depth + 1);
		json_set(w->mem, out, m->name, &value);
	}
	return *out;
}

static struct json part(struct walk *w, const struct json *v, int depth)
{
	if (depth > JSON_DEPTH_MAX)
		return *v;
	if (v->type == JSON_STR)
		return text_part(w, v);
	w->left -= 2;
	if (v->type == JSON_ARR)
		return array_part(w, v, depth);
	if (v->type == JSON_OBJ)
		return object_part(w, v, depth);
	w->left -= 4;
	return *v;
}

const struct json *shorten_value(struct arena *mem, const struct json *v, const struct shorten_limits *l, bool *cut)
{
	struct walk w = { .mem = mem, .limits = l, .left = l->total_bytes };
	if (!v)
		return NULL;
	struct json *short_one = arena_new(mem, struct json);
	*short_one = part(&w, v, 0);
	if (w.cut)
		*cut = true;
	return w.cut ? short_one : v;
}

void shorten_node(struct arena *mem, struct json *data, const struct shorten_limits *l)
{
	static const struct {
		struct str name, flag;
	} parts[] = { { S_INIT("inputs"), S_INIT("inputs_truncated") },
		      { S_INIT("process_data"), S_INIT("process_data_truncated") },
		      { S_INIT("outputs"), S_INIT("outputs_truncated") } };
	for (size_t i = 0; i < countof(parts); i++) {
		const struct json *v = json_get(data, parts[i].name);
		bool cut = false;
		if (!v)
			continue;
		const struct json *less = shorten_value(mem, v, l, &cut);
		if (!cut)
			continue;
		json_set(mem, data, parts[i].name, less);
		json_set_bool(mem, data, parts[i].flag, true);
	}
}
