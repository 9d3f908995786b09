/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record: the models that workspaces have set up, how the names in app files find them, and a
 * short-lived copy of a workspace's records in memory, so that a run does not ask the database for
 * each call. Keys stay sealed in that copy.
 */
#include "model/model_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/json.h"
#include "base/map.h"
#include "base/vec.h"
#include "net/url.h"
#include "store/db/db.h"
#include "sql_model.h"

enum { NAME_MAX_LEN = 255, URL_MAX_LEN = 2048, KEY_MAX_LEN = 8192, RECORDS_MAX = 1000 };

struct row {
	struct model_record r;
	struct str sealed;
};
struct tenant {
	struct arena *mem;
	struct str id;
	int64_t loaded_ns;
	VEC(struct row) rows;
	struct {
		struct str provider, name;
	} defaults[MODEL_TYPE_COUNT];
};
struct record_cache {
	struct map tenants; /* id to struct tenant */
	uint64_t writes;    /* a load that a write overtook is not kept */
};

struct record_cache *record_cache_open(void)
{
	struct record_cache *c = calloc(1, sizeof(*c));
	ASSERT(c);
	c->tenants = map_make(NULL);
	return c;
}

static void cache_drop(struct record_cache *c, struct str tenant_id)
{
	c->writes++;
	struct tenant *t = map_remove(&c->tenants, tenant_id);
	if (t)
		arena_close(t->mem);
}

static void cache_clear(struct record_cache *c)
{
	map_each(&c->tenants, e)
		arena_close(((struct tenant *)e->value)->mem);
	map_free(&c->tenants);
	c->tenants = map_make(NULL);
}

void record_cache_close(struct record_cache *c)
{
	if (!c)
		return;
	cache_clear(c);
	map_free(&c->tenants);
	free(c);
}

static void read_row(struct arena *mem, const struct db_rows *rows, size_t i, struct tenant *t)
{
	struct row row = { 0 };
	struct model_record *r = &row.r;
	if (model_type_parse(db_str_at(rows, i, 3), &r->type))
		return; /* written by a newer release: not for us */
	r->id = arena_str(mem, db_str_at(rows, i, 0));
	r->provider = arena_str(mem, db_str_at(rows, i, 1));
	r->name = arena_str(mem, db_str_at(rows, i, 2));
	r->base_url = arena_str(mem, db_str_at(rows, i, 4));
	row.sealed = arena_str(mem, db_str_at(rows, i, 5));
	r->key_hint = arena_str(mem, db_str_at(rows, i, 6));
	if (json_parse(mem, db_str_at(rows, i, 7), &r->settings) || !json_is(r->settings, JSON_OBJ))
		r->settings = json_obj(mem);
	r->enabled = db_int_at(rows, i, 8) != 0;
	r->created_ms = db_int_at(rows, i, 9);
	vec_push(mem, &t->rows, row);
}

static status tenant_load(struct models *m, struct str id, struct tenant **out)
{
	AUTO(arena) mem = { arena_open(0) };
	struct tenant *t = arena_new(mem.p, struct tenant);
	struct db_rows *rows, *defaults;
	t->id = arena_str(mem.p, id);
	if (DB_READ(m->db, mem.p, &sql_model_record_list, &rows, db_text(t->id)) ||
	    DB_READ(m->db, mem.p, &sql_model_default_list, &defaults, db_text(t->id)))
		return err_wrap("read models");
	for (size_t i = 0; i < rows->count && i < RECORDS_MAX; i++)
		read_row(mem.p, rows, i, t);
	for (size_t i = 0; i < defaults->count; i++) {
		enum model_type type;
		if (model_type_parse(db_str_at(defaults, i, 0), &type))
			continue;
		t->defaults[type].provider = arena_str(mem.p, db_str_at(defaults, i, 1));
		t->defaults[type].name = arena_str(mem.p, db_str_at(defaults, i, 2));
	}
	t->loaded_ns = rt_now();
	t->mem = take(mem.p);
	*out = t;
	return 0;
}

/* The workspace's records, valid until this fiber waits again. */
static status tenant_get(struct models *m, struct str id, struct tenant **out)
{
	struct record_cache *c = m->cache;
	struct tenant *t = map_get(&c->tenants, id);
	if (t && rt_now() - t->loaded_ns < (int64_t)MODEL_CACHE_MS * 1000000) {
		*out = t;
		return 0;
	}
	uint64_t writes = c->writes;
	while (true) {
		if (tenant_load(m, id, &t))
			return -1;
		if (writes == c->writes)
			break;
		arena_close(t->mem);
		writes = c->writes;
	}
	if (c->tenants.count >= MODEL_CACHE_TENANTS)
		cache_clear(c);
	struct tenant *old = map_remove(&c->tenants, id);
	if (old)
		arena_close(old->mem);
	map_set(&c->tenants, t->id, t);
	*out = t;
	return 0;
}

/* --- from names to a target --- */

static struct str no_slash(struct str url)
{
	while (url.len && url.at[url.len - 1] == '/')
		url.len--;
	return url;
}

/* A base address as entered: users paste the whole path of a call now and then. */
static struct str base_of(struct str url)
{
	static const char *const tails[] = { "/chat/completions", "/completions", "/embeddings",
					     "/rerank", "/models", "/audio/speech",
					     "/audio/transcriptions" };
	url = no_slash(str_trim(url));
	for (size_t i = 0; i < countof(tails); i++)
		if (str_ends(url, str_c(tails[i])))
			return no_slash(str_sub(url, 0, url.len - strlen(tails[i])));
	return url;
}

static status target_of_row(struct models *m, struct arena *mem, const struct row *row,
			    struct str asked, struct target *out)
{
	struct target t = { .provider = provider_find(row->r.provider), .type = row->r.type };
	if (!t.provider)
		return err_public(ERR_INVALID, "invalid_param", 400, "Provider %.*s does not exist.",
				  STR(row->r.provider));
	t.provider_id = str_c(t.provider->info.id);
	t.name = arena_str(mem, asked.len ? asked : row->r.name);
	struct str upstream = json_get_str(row->r.settings, S("endpoint_model_name"));
	t.upstream = upstream.len && !asked.len ? arena_str(mem, upstream) : t.name;
	struct str url = row->r.base_url;
	if (!url.len && t.provider->dialect.base_url)
		url = str_c(t.provider->dialect.base_url);
	t.base_url = arena_str(mem, base_of(url));
	t.settings = json_copy(mem, row->r.settings);
	if (row->sealed.len && crypt_open(mem, m->seal_key, row->sealed, &t.api_key))
		return err_public(ERR_INVALID, "provider_not_initialize", 400,
				  "The key of model %.*s was sealed with another SECRET_KEY. Enter it "
				  "again, or start with the former SECRET_KEY.",
				  STR(row->r.name));
	*out = t;
	return 0;
}

static const struct {
	enum model_type type;
	const char *name;
} bundled[] = {
	{ MODEL_LLM, "quote" },
	{ MODEL_EMBEDDING, "multilingual-e5-small" },
};

static status target_bundled(struct models *m, enum model_type type, struct str name,
			     struct target *out)
{
	for (size_t i = 0; i < countof(bundled); i++) {
		if (bundled[i].type != type || (name.len && !str_eq(name, str_c(bundled[i].name))))
			continue;
		struct target t = { .provider = provider_find(S("tatara")), .type = type };
		t.provider_id = S("tatara");
		t.name = t.upstream = str_c(bundled[i].name);
		t.base_url = str_c(t.provider->dialect.base_url);
		t.unix_socket = m->model_socket;
		*out = t;
		return 0;
	}
	return err_public(ERR_INVALID, "provider_not_initialize", 400,
			  "The bundled models have no %.*s named \"%.*s\".", STR(model_type_name(type)),
			  STR(name));
}

static void target_default_env(struct models *m, struct arena *mem, enum model_type type,
			       struct str asked, struct target *out)
{
	struct target t = { .provider = provider_find(S("openai_api_compatible")), .type = type };
	t.provider_id = S("openai_api_compatible");
	t.name = m->default_name.len && type == MODEL_LLM ? m->default_name : arena_str(mem, asked);
	t.upstream = t.name;
	t.base_url = base_of(m->default_url);
	t.api_key = m->default_key;
	*out = t;
}

static const struct row *row_find(const struct tenant *t, struct str provider, struct str name,
				  enum model_type type)
{
	for (size_t i = 0; i < t->rows.len; i++) {
		const struct row *r = &t->rows.at[i];
		if (r->r.enabled && r->r.type == type && (!name.len || str_eq(r->r.name, name)) &&
		    (!provider.len || str_eq(r->r.provider, provider)))
			return r;
	}
	return NULL;
}

static const struct row *row_any_name(const struct tenant *t, struct str provider,
				      enum model_type type)
{
	for (size_t i = 0; i < t->rows.len; i++) {
		const struct row *r = &t->rows.at[i];
		if (r->r.enabled && r->r.type == type && str_eq(r->r.provider, provider) &&
		    json_get_bool(r->r.settings, S("any_name"), false))
			return r;
	}
	return NULL;
}

/* No provider and no name: what the workspace chose, its first model, the installation's, ours. */
static status target_default(struct models *m, struct arena *mem, const struct tenant *t,
			     enum model_type type, struct target *out)
{
	struct str provider = t->defaults[type].provider, name = t->defaults[type].name;
	const struct row *row = provider.len ? row_find(t, provider, name, type) : NULL;
	if (!row && str_eq(provider, S("tatara")))
		return target_bundled(m, type, name, out);
	if (!row)
		row = row_find(t, S(""), S(""), type);
	if (row)
		return target_of_row(m, mem, row, S(""), out);
	if (m->default_url.len && type == MODEL_LLM && m->default_name.len) {
		target_default_env(m, mem, type, S(""), out);
		return 0;
	}
	if (m->model_socket.len && (type == MODEL_LLM || type == MODEL_EMBEDDING))
		return target_bundled(m, type, S(""), out);
	return err_public(ERR_INVALID, "provider_not_initialize", 400,
			  "No default %.*s model is set up in this workspace.",
			  STR(model_type_name(type)));
}

status target_find(struct models *m, struct arena *mem, struct str tenant_id, struct str provider,
		   struct str name, enum model_type type, struct target *out)
{
	struct tenant *t;
	if (tenant_get(m, tenant_id, &t))
		return -1;
	if (!provider.len && !name.len)
		return target_default(m, mem, t, type, out);
	struct str id = provider_resolve(provider);
	if (str_eq(id, S("tatara")) && m->model_socket.len)
		return target_bundled(m, type, name, out);
	const struct row *row = id.len ? row_find(t, id, name, type) : NULL;
	if (!row)
		row = row_find(t, S(""), name, type);
	if (row)
		return target_of_row(m, mem, row, S(""), out);
	row = id.len ? row_any_name(t, id, type) : NULL;
	if (row)
		return target_of_row(m, mem, row, name, out);
	if (m->default_url.len) {
		target_default_env(m, mem, type, name, out);
		return 0;
	}
	/* The workspace's own choice stands in for a provider that it has not set up at all. */
	struct str chosen = t->defaults[type].provider;
	if (chosen.len && !(id.len && row_find(t, id, S(""), type)))
		return target_default(m, mem, t, type, out);
	if (!id.len && provider.len)
		return err_public(ERR_INVALID, "invalid_param", 400,
				  "Provider %.*s does not exist.", STR(provider));
	return err_public(ERR_INVALID, "provider_not_initialize", 400,
			  "Model %.*s credentials is not initialized.", STR(name));
}

/* --- what people edit --- */

static status set_check(const struct model_set *s, struct str *provider_id)
{
	if (!s->name.len || s->name.len > NAME_MAX_LEN || !utf8_valid(s->name))
		return err_set(ERR_INVALID, "the model's name must have 1 to %d bytes", NAME_MAX_LEN);
	if (s->api_key.len > KEY_MAX_LEN || s->base_url.len > URL_MAX_LEN)
		return err_set(ERR_TOO_LARGE, "the key or the address is too long");
	*provider_id = provider_resolve(s->provider);
	const struct provider *p = provider_find(*provider_id);
	if (!p || str_eq(*provider_id, S("tatara")))
		return err_public(ERR_INVALID, "invalid_param", 400,
				  "Provider %.*s does not exist.", STR(s->provider));
	if (!(p->info.types & (1u << s->type)))
		return err_set(ERR_INVALID, "%s has no %.*s models here", p->info.label_en,
			       STR(model_type_name(s->type)));
	if (s->settings && !json_is(s->settings, JSON_OBJ))
		return err_set(ERR_INVALID, "settings: must be an object");
	struct url url;
	if (!s->base_url.len && !p->dialect.base_url)
		return err_set(ERR_INVALID, "base_url: the address of the server is required");
	if (s->base_url.len && url_parse(s->base_url, &url))
		return err_set(ERR_INVALID, "base_url: must be an http or https address such as "
					    "http://127.0.0.1:11434/v1");
	return 0;
}

status record_key(struct models *m, struct arena *mem, const struct model_set *s, struct str *key)
{
	struct tenant *t;
	struct str id = provider_resolve(s->provider);
	*key = S("");
	if (tenant_get(m, s->tenant_id, &t))
		return -1;
	for (size_t i = 0; i < t->rows.len; i++) {
		const struct row *r = &t->rows.at[i];
		if (r->r.type == s->type && str_eq(r->r.name, s->name) &&
		    str_eq(r->r.provider, id) && r->sealed.len)
			return crypt_open(mem, m->seal_key, r->sealed, key);
	}
	return 0;
}

status target_of_set(struct models *m, struct arena *mem, const struct model_set *s,
		     struct target *out)
{
	struct str id;
	if (set_check(s, &id))
		return -1;
	struct row row = { 0 };
	row.r.provider = id;
	row.r.name = s->name;
	row.r.type = s->type;
	row.r.base_url = s->base_url;
	row.r.settings = s->settings ? json_copy(mem, s->settings) : json_obj(mem);
	if (target_of_row(m, mem, &row, S(""), out))
		return -1;
	out->api_key = s->api_key;
	return s->api_key.at ? 0 : record_key(m, mem, s, &out->api_key);
}

/* Enough to recognise a key, not to use it: three characters at each end of a long one. */
static struct str key_hint(struct arena *mem, struct str key)
{
	if (!key.len)
		return S("");
	if (key.len < 12)
		return S("***");
	return arena_printf(mem, "%.*s***%.*s", STR(str_sub(key, 0, 3)),
			    STR(str_skip(key, key.len - 3)));
}

status models_set(struct models *m, struct arena *mem, const struct model_set *s, struct str *id)
{
	struct str provider, key = s->api_key, sealed = S("");
	if (set_check(s, &provider))
		return -1;
	if (!key.at && record_key(m, mem, s, &key))
		return -1;
	if (key.len)
		sealed = crypt_seal(mem, m->seal_key, key);
	struct str settings = s->settings ? json_text(mem, s->settings, JSON_COMPACT) : S("{}");
	struct db_rows *rows;
	status st = DB_WRITE(m->db, mem, &sql_model_record_set, DB_ANY, &rows, db_text(id_uuid7(mem)),
			     db_text(s->tenant_id), db_text(provider), db_text(s->name),
			     db_text(model_type_name(s->type)), db_text(base_of(s->base_url)),
			     db_text(sealed), db_text(key_hint(mem, key)), db_text(settings),
			     db_int(clock_ms()));
	cache_drop(m->cache, s->tenant_id);
	if (st)
		return err_wrap("store model");
	if (id)
		*id = arena_str(mem, db_str_at(rows, 0, 0));
	return 0;
}

static struct model_record record_copy(struct arena *mem, const struct model_record *r)
{
	struct model_record c = *r;
	c.id = arena_str(mem, r->id);
	c.provider = arena_str(mem, r->provider);
	c.name = arena_str(mem, r->name);
	c.base_url = arena_str(mem, r->base_url);
	c.key_hint = arena_str(mem, r->key_hint);
	c.settings = json_copy(mem, r->settings);
	return c;
}

status models_list(struct models *m, struct arena *mem, struct str tenant_id,
		   struct model_record **out, size_t *n)
{
	struct tenant *t;
	if (tenant_get(m, tenant_id, &t))
		return -1;
	VEC(struct model_record) list = { 0 };
	for (size_t i = 0; i < t->rows.len; i++)
		vec_push(mem, &list, record_copy(mem, &t->rows.at[i].r));
	for (size_t i = 0; m->model_socket.len && i < countof(bundled); i++) {
		struct model_record r = { .type = bundled[i].type, .enabled = true, .bundled = true };
		r.provider = S("tatara");
		r.name = str_c(bundled[i].name);
		r.id = arena_printf(mem, "tatara-%s", bundled[i].name);
		r.settings = json_obj(mem);
		vec_push(mem, &list, r);
	}
	*out = list.at;
	*n = list.len;
	return 0;
}

status models_remove(struct models *m, struct str tenant_id, struct str id)
{
	AUTO(arena) mem = { arena_open(0) };
	struct db_rows *rows;
	if (str_starts(id, S("tatara-")))
		return err_set(ERR_INVALID, "a bundled model cannot be removed");
	status st = DB_WRITE(m->db, mem.p, &sql_model_record_remove, DB_ANY, &rows, db_text(tenant_id),
			     db_text(id));
	cache_drop(m->cache, tenant_id);
	if (st)
		return err_wrap("remove model");
	return rows->changed ? 0 : err_set(ERR_NOT_FOUND, "this model does not exist");
}

status models_default_get(struct models *m, struct arena *mem, struct str tenant_id,
			  enum model_type type, struct str *provider, struct str *name)
{
	struct tenant *t;
	if (tenant_get(m, tenant_id, &t))
		return -1;
	*provider = arena_str(mem, t->defaults[type].provider);
	*name = arena_str(mem, t->defaults[type].name);
	return 0;
}

status models_default_set(struct models *m, struct str tenant_id, enum model_type type,
			  struct str provider, struct str name)
{
	AUTO(arena) mem = { arena_open(0) };
	struct tenant *t;
	status st;
	if (!provider.len && !name.len) {
		st = DB_WRITE(m->db, mem.p, &sql_model_default_clear, DB_ANY, NULL, db_text(tenant_id),
			      db_text(model_type_name(type)));
	} else {
		struct str id = provider_resolve(provider);
		struct target found;
		if (tenant_get(m, tenant_id, &t))
			return -1;
		if (str_eq(id, S("tatara")) ? target_bundled(m, type, name, &found) != 0
					    : !id.len || !row_find(t, id, name, type))
			return err_set(ERR_NOT_FOUND, "%.*s has no %.*s model \"%.*s\" in this workspace",
				       STR(provider), STR(model_type_name(type)), STR(name));
		st = DB_WRITE(m->db, mem.p, &sql_model_default_set, DB_ANY, NULL, db_text(tenant_id),
			      db_text(model_type_name(type)), db_text(id), db_text(name));
	}
	cache_drop(m->cache, tenant_id);
	return st ? err_wrap("store default model") : 0;
}
