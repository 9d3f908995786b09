/* SPDX-License-Identifier: Apache-2.0 */
/*
 * annotation_index: the vectors of apps in memory, and the exact search in them. An app's vectors are
 * read when first asked for and are good for one version of its settings; the least used go when all
 * together pass TATARA_ANNOTATION_CACHE_MB. Used by the fibers of one loop; a long scan runs on a
 * thread of the pool while its caller waits.
 */
#include "chat/annotation_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/err.h"
#include "base/list.h"
#include "model/model.h"
#include "sql_chat.h"

enum {
	PAGE = 512,		/* rows of one read */
	LANES = 16,		/* sums that the compiler keeps in vector registers */
	INLINE_FLOATS = 1 << 16, /* a scan of more than this leaves the loop */
	MIB = 1 << 20,
	UUID_LEN = 36,
};

struct index {
	struct list link; /* most used first */
	struct arena *mem;
	struct str app_id, model;
	int64_t version;
	size_t dims, count, room;
	float *vectors;
	char (*ids)[UUID_LEN];
	int refs;
};
struct annotation_cache {
	struct list used;
	struct lock loading;
	size_t bytes;
};

struct annotation_cache *annotation_cache_open(void)
{
	struct annotation_cache *c = calloc(1, sizeof(*c));
	ASSERT(c);
	list_init(&c->used);
	return c;
}

static size_t size_of(const struct index *x)
{
	return x->room * (x->dims * sizeof(float) + UUID_LEN);
}

static void unref(struct index *x)
{
	if (--x->refs)
		return;
	free(x->vectors);
	free(x->ids);
	arena_close(x->mem);
}

static void drop(struct annotation_cache *c, struct index *x)
{
	list_remove(&x->link);
	c->bytes -= size_of(x);
	unref(x);
}

void annotation_cache_close(struct annotation_cache *c)
{
	if (!c)
		return;
	while (!list_empty(&c->used))
		drop(c, container_of(c->used.next, struct index, link));
	free(c);
}

struct str annotation_model_key(struct arena *mem, struct str provider, struct str model)
{
	struct str known = provider_resolve(provider);
	return arena_printf(mem, "%.*s/%.*s", STR(known.at ? known : provider), STR(model));
}

/* --- reading --- */

static void grow(struct index *x)
{
	x->room = x->room ? x->room * 2 : 64;
	x->vectors = realloc(x->vectors, size_mul(size_mul(x->room, x->dims), sizeof(float)));
	x->ids = realloc(x->ids, size_mul(x->room, UUID_LEN));
	ASSERT(x->vectors && x->ids);
}

/* Of another length than the first: left over from before the model server changed. */
static void add_row(struct index *x, struct str id, struct str vector)
{
	if (!x->dims)
		x->dims = vector.len / sizeof(float);
	if (!x->dims || vector.len != x->dims * sizeof(float) || id.len != UUID_LEN)
		return;
	if (x->count == x->room)
		grow(x);
	memcpy(x->vectors + x->count * x->dims, vector.at, vector.len);
	memcpy(x->ids[x->count], id.at, UUID_LEN);
	x->count++;
}

static status read_all(struct chats *c, struct str tenant_id, struct index *x)
{
	AUTO(arena) mem = {arena_open(0)};
	char after[UUID_LEN];
	size_t after_len = 0;
	for (size_t n = PAGE; n == PAGE;) {
		struct db_rows *r;
		arena_reset(mem.p);
		if (DB_READ(c->db, mem.p, &sql_chat_annotation_vector_list, &r, db_text(tenant_id),
			    db_text(x->app_id), db_text(x->model), db_text(str_of(after, after_len)),
			    db_int(PAGE)))
			return -1;
		n = r->count;
		for (size_t i = 0; i < n; i++)
			add_row(x, db_str_at(r, i, 0), db_str_at(r, i, 1));
		if (!n)
			break;
		struct str last = db_str_at(r, n - 1, 0);
		after_len = MIN(last.len, sizeof(after));
		memcpy(after, last.at, after_len);
	}
	return 0;
}

static struct index *find(struct annotation_cache *cache, struct str app_id, struct str model)
{
	for (struct list *l = cache->used.next; l != &cache->used; l = l->next) {
		struct index *x = container_of(l, struct index, link);
		if (str_eq(x->app_id, app_id) && str_eq(x->model, model))
			return x;
	}
	return NULL;
}

/* Keeps it when it fits; the least used make room. */
static void keep(struct chats *c, struct index *x)
{
	struct annotation_cache *cache = c->annotations;
	size_t most = (size_t)config_int(c->config, CONFIG_TATARA_ANNOTATION_CACHE_MB) * MIB;
	if (size_of(x) > most)
		return;
	while (cache->bytes + size_of(x) > most)
		drop(cache, container_of(cache->used.prev, struct index, link));
	x->refs++;
	cache->bytes += size_of(x);
	list_push_front(&cache->used, &x->link);
}

static struct index *known(struct annotation_cache *cache, struct str app_id, struct str model,
			   int64_t version)
{
	struct index *x = find(cache, app_id, model);
	if (!x)
		return NULL;
	if (x->version < version) {
		drop(cache, x);
		return NULL;
	}
	list_remove(&x->link);
	list_push_front(&cache->used, &x->link);
	x->refs++;
	return x;
}

static status load(struct chats *c, struct str tenant_id, struct str app_id, struct str model,
		   int64_t version, struct index **out)
{
	struct index *x = known(c->annotations, app_id, model, version);
	if (!x) {
		struct arena *mem = arena_open(0);
		x = arena_new(mem, struct index);
		*x = (struct index){.mem = mem, .version = version, .refs = 1};
		list_init(&x->link);
		x->app_id = arena_str(mem, app_id);
		x->model = arena_str(mem, model);
		if (read_all(c, tenant_id, x)) {
			unref(x);
			return -1;
		}
		keep(c, x);
	}
	*out = x;
	return 0;
}

/* The caller's reference. Many who ask at once read it once. */
static status take_index(struct chats *c, struct str tenant_id, struct str app_id, struct str model,
			 int64_t version, struct index **out)
{
	*out = known(c->annotations, app_id, model, version);
	if (*out)
		return 0;
	if (lock_take(&c->annotations->loading, DEADLINE_NONE))
		return -1;
	status st = load(c, tenant_id, app_id, model, version, out);
	lock_give(&c->annotations->loading);
	return st;
}

/* --- searching --- */

struct scan {
	const struct index *index;
	const float *vector;
	size_t best;
	float score;
};

/* One sum a lane, so that it becomes vector instructions without reordering of floats. */
static float dot(const float *a, const float *b, size_t n)
{
	float lane[LANES] = {0}, sum = 0;
	size_t i = 0;
	for (; i + LANES <= n; i += LANES)
		for (size_t k = 0; k < LANES; k++)
			lane[k] += a[i + k] * b[i + k];
	for (size_t k = 0; k < LANES; k++)
		sum += lane[k];
	for (; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

/* Of equals the first, which is the oldest: ids grow with time. */
static status scan_all(void *job)
{
	struct scan *s = job;
	const struct index *x = s->index;
	s->score = -2;
	for (size_t i = 0; i < x->count; i++) {
		float score = dot(x->vectors + i * x->dims, s->vector, x->dims);
		if (score > s->score) {
			s->score = score;
			s->best = i;
		}
	}
	return 0;
}

static status search(struct arena *mem, const struct index *x, const float *vector, size_t dims,
		     struct annotation_near *out)
{
	struct scan s = {.index = x, .vector = vector};
	*out = (struct annotation_near){0};
	if (!x->count || x->dims != dims)
		return 0;
	if (x->count * x->dims > INLINE_FLOATS ? pool_call(scan_all, &s) : scan_all(&s))
		return -1;
	out->id = arena_str(mem, str_of(x->ids[s.best], UUID_LEN));
	out->score = MIN((double)s.score, 1.0);
	return 0;
}

status annotation_nearest(struct chats *c, struct arena *mem, struct str tenant_id,
			  struct str app_id, const struct annotation_setting *s,
			  const float *vector, size_t dims, struct annotation_near *out)
{
	struct index *x;
	struct str model = annotation_model_key(mem, s->provider, s->model);
	if (take_index(c, tenant_id, app_id, model, s->version, &x))
		return -1;
	status st = search(mem, x, vector, dims, out);
	unref(x);
	return st;
}
