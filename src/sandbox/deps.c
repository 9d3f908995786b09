/* SPDX-License-Identifier: Apache-2.0 */
/* deps: which Python packages lie in the jail, by the names of their metadata folders. */
#include <dirent.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/vec.h"
#include "sandbox/front.h"

enum { PACKAGES_MAX = 5000 };

struct package {
	struct str name, version;
};
struct listing {
	struct arena *mem;
	struct str own, folders, root;
	VEC(struct package) found;
};

static struct str lower(struct arena *mem, struct str s)
{
	char *at = arena_text(mem, s.len);
	for (size_t i = 0; i < s.len; i++)
		at[i] = s.at[i] >= 'A' && s.at[i] <= 'Z' ? (char)(s.at[i] + 32) : s.at[i];
	return str_of(at, s.len);
}

static bool has(const struct listing *l, struct str name)
{
	for (size_t i = 0; i < l->found.len; i++)
		if (str_eq(l->found.at[i].name, name))
			return true;
	return false;
}

static void add(struct listing *l, struct str name, struct str version)
{
	if (name.len && !has(l, name) && l->found.len < PACKAGES_MAX)
		vec_push(l->mem, &l->found, ((struct package){ name, version }));
}

/* "Jinja2-3.1.2.dist-info" */
static void add_entry(struct listing *l, struct str entry)
{
	static const struct str ends[] = { S_INIT(".dist-info"), S_INIT(".egg-info") };
	for (size_t i = 0; i < countof(ends); i++) {
		if (!str_ends(entry, ends[i]))
			continue;
		struct str rest = arena_str(l->mem, str_sub(entry, 0, entry.len - ends[i].len));
		struct str name = lower(l->mem, str_cut(&rest, '-'));
		add(l, name, str_cut(&rest, '-'));
	}
}

static void read_folder(struct listing *l, struct str path)
{
	DIR *d = opendir(arena_cstr(l->mem, path));
	if (!d)
		return;
	for (struct dirent *e; (e = readdir(d));)
		add_entry(l, str_c(e->d_name));
	closedir(d);
}

static status read_folders(void *arg)
{
	struct listing *l = arg;
	if (l->own.len)
		read_folder(l, l->own);
	for (struct str rest = l->folders; rest.len;) {
		struct str folder = str_cut(&rest, ':');
		read_folder(l, arena_printf(l->mem, "%.*s%.*s", STR(l->root), STR(folder)));
	}
	return 0;
}

status deps_list(struct arena *mem, struct str own, struct str folders, struct str root, struct json **out)
{
	static const struct str always[] = { S_INIT("jinja2"), S_INIT("requests"), S_INIT("httpx") };
	struct listing *l = arena_new(mem, struct listing);
	*l = (struct listing){ .mem = mem, .own = own, .folders = folders, .root = root };
	if (pool_call(read_folders, l))
		return -1;
	for (size_t i = 0; i < countof(always); i++)
		add(l, always[i], S(""));
	struct json *list = json_arr(mem);
	for (size_t i = 0; i < l->found.len; i++) {
		struct json *one = json_push(mem, list, json_obj(mem));
		json_set_str(mem, one, S("name"), l->found.at[i].name);
		json_set_str(mem, one, S("version"), l->found.at[i].version);
	}
	*out = list;
	return 0;
}
