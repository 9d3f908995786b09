/* SPDX-License-Identifier: Apache-2.0 */
/* json_path: see json_path.h. A path is read to steps once; each step turns places into places. */
#include "tool/json_path.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/vec.h"

struct step {
	enum { NAME, INDEX, ALL } kind;
	bool deep; /* anywhere below */
	struct str name;
	int64_t index;
};

struct finder {
	struct arena *mem;
	struct step steps[JSON_PATH_STEPS_MAX];
	size_t step_count;
	VEC(struct json_place) found;
	bool too_many;
};

static status broken(struct str path, size_t i)
{
	return err_set(ERR_INVALID, "The JSON path '%.*s' is wrong at character %d",
		       STR(str_sub(path, 0, utf8_prefix(path, 60))), (int)i + 1);
}

static bool name_char(char c)
{
	return c != '.' && c != '[' && c != ']' && c != ' ' && c != '\'' && c != '"';
}

/* Inside brackets: 'name', "name", a number or *. Returns where it ends, 0 = broken. */
static size_t read_bracket(struct str path, size_t i, struct step *s)
{
	struct str rest = str_skip(path, i);
	char quote = rest.len ? rest.at[0] : '\0';
	size_t end;
	if (quote == '\'' || quote == '"') {
		end = str_find_char(str_skip(rest, 1), quote);
		if (end == SIZE_MAX || end + 2 >= rest.len || rest.at[end + 2] != ']')
			return 0;
		*s = (struct step){.kind = NAME, .deep = s->deep, .name = str_sub(rest, 1, end)};
		return i + end + 3;
	}
	end = str_find_char(rest, ']');
	struct str inside = str_trim(str_sub(rest, 0, end == SIZE_MAX ? 0 : end));
	if (str_eq(inside, S("*")))
		s->kind = ALL;
	else if (str_to_i64(inside, &s->index) == 0)
		s->kind = INDEX;
	else
		return 0;
	return i + end + 1;
}

static size_t read_name(struct str path, size_t i, struct step *s)
{
	size_t end = i;
	while (end < path.len && name_char(path.at[end]))
		end++;
	s->name = str_sub(path, i, end - i);
	s->kind = str_eq(s->name, S("*")) ? ALL : NAME;
	return end > i ? end : 0;
}

static status read_steps(struct finder *f, struct str path)
{
	size_t i = str_starts(path, S("$")) ? 1 : 0;
	while (i < path.len) {
		struct step s = {0};
		size_t from = i, end;
		if (f->step_count == JSON_PATH_STEPS_MAX)
			return err_set(ERR_TOO_LARGE, "The JSON path has more than %d steps",
				       JSON_PATH_STEPS_MAX);
		if (path.at[i] == '.') {
			s.deep = i + 1 < path.len && path.at[i + 1] == '.';
			i += s.deep ? 2 : 1;
		} else if (path.at[i] != '[' && i) {
			return broken(path, i);
		}
		if (i < path.len && path.at[i] == '[')
			end = read_bracket(path, i + 1, &s);
		else
			end = i < path.len ? read_name(path, i, &s) : 0;
		if (!end)
			return broken(path, from);
		f->steps[f->step_count++] = s;
		i = end;
	}
	return 0;
}

static void add(struct finder *f, struct json_place p)
{
	if (f->found.len == JSON_PATH_FOUND_MAX)
		f->too_many = true;
	else
		vec_push(f->mem, &f->found, p);
}

static void children(struct finder *f, const struct step *s, struct json *v)
{
	size_t i = 0,
	       wanted = s->index < 0 ? (size_t)(s->index + (int64_t)json_len(v)) : (size_t)s->index;
	json_each_member(v, m) if (s->kind == ALL || (s->kind == NAME && str_eq(m->name, s->name)))
		add(f, (struct json_place){v, &m->value, m->name, 0});
	json_each(v, item)
	{
		if (s->kind == ALL || (s->kind == INDEX && i == wanted))
			add(f, (struct json_place){v, item, S(""), i});
		i++;
	}
}

/* JSON that was parsed is no deeper than JSON_DEPTH_MAX. */
static void below(struct finder *f, const struct step *s, struct json *v, int depth)
{
	if (depth > JSON_DEPTH_MAX || f->too_many)
		return;
	children(f, s, v);
	json_each_member(v, m) below(f, s, &m->value, depth + 1);
	json_each(v, item) below(f, s, item, depth + 1);
}

status json_path_find(struct arena *mem, struct json *root, struct str path,
		      struct json_place **out, size_t *n)
{
	struct finder *f = arena_new(mem, struct finder);
	f->mem = mem;
	if (read_steps(f, str_trim(path)))
		return -1;
	add(f, (struct json_place){.value = root});
	for (size_t i = 0; i < f->step_count; i++) {
		struct json_place *from = f->found.at;
		size_t count = f->found.len;
		f->found.at = NULL;
		f->found.len = f->found.cap = 0;
		for (size_t k = 0; k < count; k++) {
			if (f->steps[i].deep)
				below(f, &f->steps[i], from[k].value, 0);
			else
				children(f, &f->steps[i], from[k].value);
		}
	}
	if (f->too_many)
		return err_set(ERR_TOO_LARGE, "The JSON path finds more than %d values",
			       JSON_PATH_FOUND_MAX);
	*out = f->found.at;
	*n = f->found.len;
	return 0;
}

bool json_path_create(struct arena *mem, struct json *root, struct str path,
		      const struct json *value)
{
	struct finder *f = arena_new(mem, struct finder);
	f->mem = mem;
	if (read_steps(f, str_trim(path)) || !f->step_count) {
		err_clear();
		return false;
	}
	for (size_t i = 0; i < f->step_count; i++)
		if (f->steps[i].kind != NAME || f->steps[i].deep)
			return false;
	for (size_t i = 0; i < f->step_count; i++) {
		bool last = i + 1 == f->step_count;
		struct json *next =
			json_is(root, JSON_OBJ) ? json_get(root, f->steps[i].name) : NULL;
		if (!json_is(root, JSON_OBJ))
			return false;
		if (last || !next)
			next = json_set(mem, root, f->steps[i].name, last ? value : json_obj(mem));
		root = next;
	}
	return true;
}
