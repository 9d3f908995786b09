/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine: see engine.h. The loop's fibers own `struct engine`; pool threads see only a job and the
 * loaded weights, which are read-only and counted, so that an abandoned job or an unload in the
 * middle of work is harmless.
 */
#include "model/engine.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/crypt.h"
#include "base/err.h"
#include "base/list.h"
#include "rt/rt.h"

/* Two builds of one source: with AVX2 where the compiler can, and without. */
struct e5_calls {
	const char *name;
	void *(*load)(const char *path);
	void (*free)(void *);
	int (*dim)(const void *);
	int (*tokens)(void *, const char *text, int is_query);
	int (*embed)(void *, const char **texts, int n, int is_query, float *out);
};
#define E5_DECLARE(p)                                                                              \
	void *p##_load(const char *);                                                              \
	void p##_free(void *);                                                                     \
	int p##_dim(const void *);                                                                 \
	int p##_token_count(void *, const char *, int);                                            \
	int p##_embed_batch(void *, const char **, int, int, float *);                             \
	static const struct e5_calls p##_calls = { #p, p##_load, p##_free, p##_dim,                \
						   p##_token_count, p##_embed_batch }
#ifdef TATARA_HAVE_E5
E5_DECLARE(portable);
#endif
#ifdef TATARA_HAVE_E5_AVX2
E5_DECLARE(avx2);
#endif

static const struct e5_calls *e5_pick(void)
{
#ifdef TATARA_HAVE_E5_AVX2
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		return &avx2_calls;
#endif
#ifdef TATARA_HAVE_E5
	return &portable_calls;
#else
	return NULL;
#endif
}

const char *embedder_arithmetic(void)
{
	const struct e5_calls *c = e5_pick();
	return c ? c->name : "none";
}

/* Loaded weights; the last holder frees them, on whichever thread. */
struct weights {
	atomic_int holders;
	const struct e5_calls *calls;
	void *model;
};

static void weights_drop(struct weights *w)
{
	if (w && atomic_fetch_sub(&w->holders, 1) == 1) {
		w->calls->free(w->model);
		free(w);
	}
}

enum { KEY_LEN = ENGINE_KEY_LEN, BUCKETS = 16384 };
struct vector {
	struct list age; /* newest first */
	struct vector *next;
	unsigned char key[KEY_LEN];
	int32_t tokens;
	float at[ENGINE_DIMS];
};

struct engine {
	int holders; /* the owner, the unloader, each call under way */
	bool closed;
	char *path;
	int64_t unload_after_ms, used_ns;
	struct weights *weights;
	struct lock loading;
	struct slots cores;
	bool unloader;
	struct event stop;
	struct vector *buckets[BUCKETS];
	struct list ages;
	struct engine_stats stats;
};

status embedder_open(struct str weights, int64_t unload_after_ms, struct engine **out)
{
	struct engine *e = calloc(1, sizeof(*e));
	ASSERT(e);
	e->holders = 1;
	e->path = strndup(weights.at ? weights.at : "", weights.len);
	ASSERT(e->path);
	e->unload_after_ms = unload_after_ms;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	e->cores.left = (size_t)MAX(1, MIN(cores, ENGINE_CORES_MAX));
	list_init(&e->ages);
	*out = e;
	return 0;
}

static void embedder_drop(struct engine *e)
{
	if (--e->holders)
		return;
	weights_drop(e->weights);
	list_each(&e->ages, it)
		free(container_of(it, struct vector, age));
	free(e->path);
	free(e);
}
DEFINE_AUTO(engine_hold, struct engine, embedder_drop)

void embedder_close(struct engine *e)
{
	if (!e)
		return;
	e->closed = true;
	event_wake_all(&e->stop);
	embedder_drop(e);
}

static status check_file(const char *path)
{
	struct stat st;
	if (!e5_pick())
		return err_set(ERR_UNAVAILABLE, "this build has no embedding engine; build with "
						"third_party/e5 present (tools/setup)");
	if (!*path || stat(path, &st) || !S_ISREG(st.st_mode))
		return err_set(ERR_UNAVAILABLE,
			       "the bundled model's weights are missing%s%s: set TATARA_MODEL_FILE to "
			       "the path of e5-small-q4.bin", *path ? " at " : "", path);
	return 0;
}

status embedder_check(const struct engine *e)
{
	return check_file(e->path);
}

void embedder_stats_get(const struct engine *e, struct engine_stats *out)
{
	*out = e->stats;
	out->loaded = e->weights != NULL;
}

/* --- loading and unloading --- */

struct load_job {
	char *path;
	struct weights *got;
};

static status load_run(void *p)
{
	struct load_job *j = p;
	struct stat st;
	unsigned char magic[4];
	const struct e5_calls *calls = e5_pick();
	/* the loader trusts the file: only a whole one of the right kind may reach it */
	enum { SIZE_MIN = 60 << 20 };
	if (check_file(j->path))
		return -1;
	if (stat(j->path, &st) || st.st_size < SIZE_MIN)
		return err_set(ERR_UNAVAILABLE, "%s is no e5-small-q4.bin: too small", j->path);
	FILE *f = fopen(j->path, "re");
	bool good = f && fread(magic, 1, 4, f) == 4 && !memcmp(magic, "E5S1", 4);
	if (f)
		fclose(f);
	void *model = good ? calls->load(j->path) : NULL;
	if (!model)
		return err_set(ERR_UNAVAILABLE, "%s cannot be loaded as e5-small-q4.bin", j->path);
	if (calls->dim(model) != ENGINE_DIMS) {
		calls->free(model);
		return err_set(ERR_UNAVAILABLE, "%s is another model: not %d numbers a text", j->path,
			       ENGINE_DIMS);
	}
	j->got = calloc(1, sizeof(*j->got));
	ASSERT(j->got);
	*j->got = (struct weights){ .calls = calls, .model = model };
	atomic_init(&j->got->holders, 1);
	return 0;
}

/* Waits until nothing was asked for the idle time, then lets the weights go. */
static status unload_later(void *p)
{
	AUTO(engine_hold) hold = { p };
	struct engine *e = hold.p;
	while (!e->closed && e->weights) {
		int64_t due = e->used_ns + e->unload_after_ms * 1000000;
		if (rt_now() >= due && e->holders <= 2) {
			weights_drop(e->weights);
			e->weights = NULL;
			e->stats.unloads++;
			break;
		}
		int64_t left = MAX((due - rt_now()) / 1000000, 10);
		if (event_wait(&e->stop, deadline_in_ms(left)) && err_code() != ERR_TIMEOUT)
			break;
	}
	e->unloader = false;
	return 0;
}

static status load(struct engine *e)
{
	struct load_job j = { .path = e->path };
	e->used_ns = rt_now();
	if (e->weights)
		return 0;
	if (pool_call(load_run, &j))
		return -1;
	e->weights = j.got;
	e->stats.loads++;
	if (e->unload_after_ms > 0 && !e->unloader) {
		e->unloader = true;
		e->holders++;
		if (fiber_background("model unload", unload_later, e)) {
			e->unloader = false;
			e->holders--;
		}
	}
	return 0;
}

static status load_once(struct engine *e)
{
	if (lock_take(&e->loading, DEADLINE_NONE))
		return -1;
	status st = load(e);
	lock_give(&e->loading);
	return st;
}

/* --- remembered vectors --- */

static int compare_key(const void *key, const void *known)
{
	return memcmp(key, ((const struct engine_known *)known)->key, KEY_LEN);
}

/* From the table made at build time; *tokens += its count. */
static bool known(const unsigned char key[KEY_LEN], float *out, int64_t *tokens)
{
	const struct engine_known *k = bsearch(key, engine_known, engine_known_len,
					       sizeof engine_known[0], compare_key);
	for (size_t i = 0; k && i < ENGINE_DIMS; i++)
		out[i] = (float)k->at[i] * k->scale;
	*tokens += k ? k->tokens : 0;
	return k != NULL;
}

static struct vector **bucket(struct engine *e, const unsigned char key[KEY_LEN])
{
	uint32_t n;
	memcpy(&n, key + 4, sizeof n);
	return &e->buckets[n % BUCKETS];
}

static struct vector *recall(struct engine *e, const unsigned char key[KEY_LEN])
{
	for (struct vector *v = *bucket(e, key); v; v = v->next) {
		if (memcmp(v->key, key, KEY_LEN))
			continue;
		list_remove(&v->age);
		list_push_front(&e->ages, &v->age);
		return v;
	}
	return NULL;
}

static void forget_oldest(struct engine *e)
{
	struct vector *v = container_of(e->ages.prev, struct vector, age);
	struct vector **at = bucket(e, v->key);
	while (*at != v)
		at = &(*at)->next;
	*at = v->next;
	list_remove(&v->age);
	free(v);
	e->stats.cached--;
}

static void remember(struct engine *e, const unsigned char key[KEY_LEN], const float *at, int tokens)
{
	if (recall(e, key))
		return; /* the same text twice in one request */
	if (e->stats.cached >= ENGINE_CACHE_MAX)
		forget_oldest(e);
	struct vector *v = malloc(sizeof(*v)), **head = bucket(e, key);
	ASSERT(v);
	memcpy(v->key, key, KEY_LEN);
	memcpy(v->at, at, sizeof v->at);
	v->tokens = tokens;
	v->next = *head;
	*head = v;
	list_push_front(&e->ages, &v->age);
	e->stats.cached++;
}

/* --- embedding --- */

/* Texts that one pool thread works through; lives in the caller's arena until it is joined. */
struct slice {
	struct engine *engine;
	struct weights *weights;
	const char **texts;
	int n, *tokens;
	bool query;
	float *out;
};

static status slice_run(void *p)
{
	struct slice *s = p;
	const struct e5_calls *c = s->weights->calls;
	for (int i = 0; i < s->n; i++)
		s->tokens[i] = c->tokens(s->weights->model, s->texts[i], s->query);
	if (c->embed(s->weights->model, s->texts, s->n, s->query, s->out))
		return err_set(ERR_INTERNAL, "the embedding engine failed");
	return 0;
}

static status slice_fiber(void *p)
{
	struct slice *s = p;
	struct engine *e = s->engine;
	if (slots_take(&e->cores, DEADLINE_NONE))
		return -1;
	status st = pool_call(slice_run, s);
	e->used_ns = rt_now();
	slots_give(&e->cores);
	return st;
}

/* Texts of a request whose vectors must be computed. */
struct text_list {
	const char **texts;
	size_t *lens;
	unsigned char (*keys)[KEY_LEN];
	float *out;
	int *tokens;
	size_t n;
};

static status compute(struct engine *e, struct arena *mem, struct text_list *t, bool query)
{
	if (load_once(e))
		return -1;
	struct weights *w = e->weights;
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	for (size_t i = 0; i < t->n;) {
		size_t n = 0, bytes = 0;
		while (i + n < t->n && (!n || bytes + t->lens[i + n] <= ENGINE_SLICE_BYTES))
			bytes += t->lens[i + n++];
		struct slice *s = arena_new(mem, struct slice);
		*s = (struct slice){ e, w, t->texts + i, (int)n, t->tokens + i, query,
				     t->out + i * ENGINE_DIMS };
		if (group_spawn(g.p, "embedding", slice_fiber, s))
			return -1;
		i += n;
	}
	if (group_wait(g.p))
		return -1;
	e->stats.computed += t->n;
	return 0;
}

static status compute_held(struct engine *e, struct arena *mem, struct text_list *t, bool query)
{
	if (!t->n)
		return 0;
	/* a third holder keeps the unloader away while work is under way */
	AUTO(engine_hold) hold = { e };
	e->holders++;
	return compute(hold.p, mem, t, query);
}

static struct text_list text_list_make(struct arena *mem, size_t n)
{
	struct text_list t = { .texts = arena_array(mem, const char *, n) };
	t.lens = arena_array(mem, size_t, n);
	t.keys = arena_alloc(mem, size_mul(n, KEY_LEN));
	t.out = arena_array(mem, float, size_mul(n, ENGINE_DIMS));
	t.tokens = arena_array(mem, int, n);
	return t;
}

status embedder_embed(struct engine *e, struct arena *mem, const struct str *texts, size_t n,
		    bool query, float **out, int64_t *tokens)
{
	AUTO(arena) tmp = { arena_open(0) };
	struct text_list t = text_list_make(tmp.p, n);
	/* where each text's vector comes from: a place in the list */
	size_t *place = arena_array(tmp.p, size_t, n);
	float *all = arena_array(mem, float, size_mul(n, ENGINE_DIMS));
	int64_t sum = 0;
	e->used_ns = rt_now();
	for (size_t i = 0; i < n; i++) {
		if (texts[i].len > ENGINE_TEXT_MAX)
			return err_set(ERR_TOO_LARGE, "a text of more than %d bytes", ENGINE_TEXT_MAX);
		embedder_key(texts[i], query, t.keys[t.n]);
		struct vector *v = recall(e, t.keys[t.n]);
		place[i] = SIZE_MAX;
		if (v) {
			memcpy(all + i * ENGINE_DIMS, v->at, sizeof v->at);
			sum += v->tokens;
			e->stats.remembered++;
			continue;
		}
		if (known(t.keys[t.n], all + i * ENGINE_DIMS, &sum)) {
			e->stats.remembered++;
			continue;
		}
		place[i] = t.n;
		t.lens[t.n] = texts[i].len;
		t.texts[t.n++] = arena_cstr(tmp.p, texts[i]);
	}
	if (compute_held(e, tmp.p, &t, query))
		return err_wrap("embedding of %zu texts", n);
	for (size_t i = 0; i < n; i++) {
		if (place[i] == SIZE_MAX)
			continue;
		const float *v = t.out + place[i] * ENGINE_DIMS;
		memcpy(all + i * ENGINE_DIMS, v, ENGINE_DIMS * sizeof(float));
		sum += t.tokens[place[i]];
		remember(e, t.keys[place[i]], v, t.tokens[place[i]]);
	}
	*out = all;
	if (tokens)
		*tokens = sum;
	return 0;
}
