/* SPDX-License-Identifier: Apache-2.0 */
/*
 * annotation_job: what a worker does for annotations. A job lies in two places: in the queue, which
 * gives it to one worker at a time, and in a row that tells how far it is. Each step is one batch and
 * may be done twice, so that a worker may die at any point and the next one goes on:
 *
 *	sync	vectors that are missing, of the model that answers
 *	enable	vectors of the new model -> switch over -> those that came meanwhile -> drop the old ones
 *	disable	switch off -> drop the vectors
 *	import	rows in pieces, each with the count of what is stored -> sync
 */
#include "chat/annotation_int.h"

#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/err.h"
#include "base/id.h"
#include "base/log.h"
#include "model/model.h"
#include "sql_chat.h"
#include "store/broker/broker.h"

enum {
	LEASE_MS = 10000,
	EXTEND_MS = 3000,
	QUEUE_ATTEMPTS = 10, /* workers that die while they have it */
	TRIES = 3,	     /* failures, before the job's status says so */
	AGAIN_MS = 1000,
	EMBED_TEXTS = 32, /* of one batch: what is lost when a worker dies */
	QUOTED_CHARS = 40,
	REFUSED_MAX = 3,  /* questions in a row that the model server refuses */
	IMPORT_ROWS = 200,
	MINUTE_MS = 60 * 1000,
	HOUR_MS = 60 * MINUTE_MS,
};
#define KEPT_MS ((int64_t)7 * 24 * HOUR_MS)

/* One job being done. job_id empty: sync. */
struct work {
	struct chats *c;
	struct arena *mem;
	struct str tenant_id, app_id, job_id;
};
#define OF_APP(w)  db_text((w)->tenant_id), db_text((w)->app_id)
#define OF_JOB(w)  OF_APP(w), db_text((w)->job_id)

/* --- asking for work --- */

static status add_job(struct work *w, struct str kind, const struct json *payload, struct str account_id,
		      int64_t total)
{
	struct db_batch *b = db_batch_open(w->mem);
	int64_t now = clock_ms();
	w->job_id = id_uuid7(w->mem);
	struct str queued = arena_printf(w->mem, "%.*s %.*s %.*s", STR(w->tenant_id), STR(w->app_id),
					 STR(w->job_id));
	struct job_options o = {.attempts_max = QUEUE_ATTEMPTS};
	DB_ADD(b, &sql_chat_annotation_job_forget, DB_ANY, OF_APP(w), db_int(now - KEPT_MS));
	DB_ADD(b, &sql_chat_annotation_job_add, 1, db_text(w->job_id), OF_APP(w), db_text(kind),
	       db_text(json_text(w->mem, payload, JSON_COMPACT)), db_text(account_id), db_int(total),
	       db_int(now));
	if (queue_add(w->c->broker, w->mem, b, S(ANNOTATION_QUEUE), queued, &o, NULL))
		return -1;
	return db_commit(w->c->db, b);
}

status annotation_enable(struct chats *c, struct arena *mem, const struct annotation_enable *e,
			 struct str *job_id)
{
	struct work w = {.c = c, .mem = mem, .tenant_id = e->tenant_id, .app_id = e->app_id};
	struct json *p = json_obj(mem);
	json_set_str(mem, p, S("provider"), e->provider);
	json_set_str(mem, p, S("model"), e->model);
	json_set_float(mem, p, S("score_threshold"), e->score_threshold);
	if (add_job(&w, S("enable"), p, e->account_id, 0))
		return -1;
	*job_id = w.job_id;
	return 0;
}

status annotation_disable(struct chats *c, struct arena *mem, struct str tenant_id, struct str app_id,
			  struct str account_id, struct str *job_id)
{
	struct work w = {.c = c, .mem = mem, .tenant_id = tenant_id, .app_id = app_id};
	if (add_job(&w, S("disable"), json_obj(mem), account_id, 0))
		return -1;
	*job_id = w.job_id;
	return 0;
}

/* One more in this minute or hour; fixed windows that begin with their first import. */
static status count_import(struct work *w, const char *window, int64_t ms, enum config_key most)
{
	int64_t limit = config_int(w->c->config, most), n;
	struct str name = arena_printf(w->mem, "annotation_import:%s:%.*s", window,
				       STR(w->tenant_id));
	if (limit <= 0)
		return 0;
	if (counter_add(w->c->broker, name, 1, ms, &n))
		return -1;
	return n <= limit ? 0
			  : err_set(ERR_BUSY, "Too many annotation import requests. Maximum %lld "
					      "requests per %s allowed. Please try again later.",
				    (long long)limit, window);
}

static status limit_imports(struct work *w)
{
	int64_t most = config_int(w->c->config, CONFIG_ANNOTATION_IMPORT_MAX_CONCURRENT);
	struct db_rows *r;
	if (count_import(w, "minute", MINUTE_MS, CONFIG_ANNOTATION_IMPORT_RATE_LIMIT_PER_MINUTE) ||
	    count_import(w, "hour", HOUR_MS, CONFIG_ANNOTATION_IMPORT_RATE_LIMIT_PER_HOUR) ||
	    DB_READ(w->c->db, w->mem, &sql_chat_annotation_job_imports, &r, db_text(w->tenant_id),
		    db_int(clock_ms() - HOUR_MS)))
		return -1;
	if (most > 0 && db_int_at(r, 0, 0) >= most)
		return err_set(ERR_BUSY, "Too many concurrent import tasks. Maximum %lld concurrent "
					 "imports allowed. Please wait for existing imports to "
					 "complete.", (long long)most);
	return 0;
}

status annotation_import(struct chats *c, struct arena *mem, struct str tenant_id, struct str app_id,
			 struct str account_id, struct str csv, struct str *job_id, int64_t *records)
{
	struct work w = {.c = c, .mem = mem, .tenant_id = tenant_id, .app_id = app_id};
	struct json *rows;
	if (limit_imports(&w) || annotation_read_csv(c, mem, csv, &rows))
		return -1;
	int64_t n = (int64_t)json_len(rows);
	if (add_job(&w, S("import"), rows, account_id, n))
		return -1;
	*job_id = w.job_id;
	*records = n;
	return 0;
}

status annotation_job_get(struct chats *c, struct arena *mem, struct str tenant_id, struct str app_id,
			  struct str kind, struct str id, struct annotation_job **out)
{
	struct db_rows *r;
	if (DB_READ(c->db, mem, &sql_chat_annotation_job_get, &r, db_text(tenant_id),
		    db_text(app_id), db_text(kind), db_text(id)))
		return -1;
	if (!r->count)
		return err_set(ERR_INVALID, "The job does not exist.");
	struct annotation_job *j = arena_new(mem, struct annotation_job);
	*j = (struct annotation_job){
		.id = db_str_at(r, 0, 0),
		.kind = db_str_at(r, 0, 1),
		.status = db_str_at(r, 0, 2),
		.error = db_str_at(r, 0, 3),
		.done = db_int_at(r, 0, 4),
		.total = db_int_at(r, 0, 5),
	};
	*out = j;
	return 0;
}

/* --- vectors --- */

/* Questions of one read, and where the next one begins. */
struct missing {
	struct db_rows *rows;
	int64_t after_ms;
	char after_id[64];
	size_t after_len;
	int refused;	 /* in a row */
	struct err why;	 /* of the first that was refused */
	bool any_refused;
};
struct embedder {
	struct work *w;
	struct str provider, model, key;
};

static status put_vectors(const struct embedder *e, struct arena *mem, const struct db_rows *r,
			  size_t from, size_t n)
{
	struct str *texts = arena_array(mem, struct str, n);
	struct db_batch *b = db_batch_open(mem);
	struct work *w = e->w;
	float *v;
	size_t dims;
	for (size_t i = 0; i < n; i++)
		texts[i] = db_str_at(r, from + i, 1);
	if (models_embed(w->c->models, mem, w->tenant_id, e->provider, e->model, texts, n, true, &v,
			 &dims, NULL))
		return -1;
	for (size_t i = 0; i < n; i++)
		DB_ADD(b, &sql_chat_annotation_vector_put, DB_ANY, OF_APP(w),
		       db_text(db_str_at(r, from + i, 0)), db_int(db_int_at(r, from + i, 2)),
		       db_text(e->key),
		       db_blob(str_of((const char *)(v + i * dims), dims * sizeof(float))));
	DB_ADD(b, &sql_chat_annotation_setting_touch, DB_ANY, OF_APP(w));
	return db_commit(w->c->db, b);
}

/* Of a question alone: whoever waits for the job must learn which one to change. */
static status refused(struct missing *m, struct str question)
{
	if (fiber_cancelled() || ++m->refused >= REFUSED_MAX)
		return -1;
	if (!m->any_refused) {
		struct str begin = str_sub(question, 0, utf8_prefix(question, QUOTED_CHARS));
		(void)err_set(err_code(), "The question \"%.*s\" got no vector: %.*s", STR(begin),
			      STR(err_text()));
		err_save(&m->why);
	}
	m->any_refused = true;
	err_clear();
	return 0;
}

/* A question that the model server refuses must not keep the others from their vectors: what fails
 * together is tried one by one. */
static status put_page(const struct embedder *e, struct arena *mem, struct missing *m)
{
	if (!put_vectors(e, mem, m->rows, 0, m->rows->count)) {
		m->refused = 0;
		return 0;
	}
	for (size_t i = 0; i < m->rows->count; i++) {
		if (fiber_cancelled())
			return -1;
		if (!put_vectors(e, mem, m->rows, i, 1))
			m->refused = 0;
		else if (refused(m, db_str_at(m->rows, i, 1)))
			return -1;
	}
	return 0;
}

static status next_page(const struct embedder *e, struct arena *mem, struct missing *m)
{
	struct db_rows *r;
	if (DB_READ(e->w->c->db, mem, &sql_chat_annotation_vector_missing, &r, OF_APP(e->w),
		    db_text(e->key), db_int(m->after_ms),
		    db_text(str_of(m->after_id, m->after_len)), db_int(EMBED_TEXTS)))
		return -1;
	m->rows = r;
	if (!r->count)
		return 0;
	struct str last = db_str_at(r, r->count - 1, 0);
	m->after_ms = db_int_at(r, r->count - 1, 3);
	m->after_len = MIN(last.len, sizeof(m->after_id));
	memcpy(m->after_id, last.at, m->after_len);
	return 0;
}

/* Every question of the app that lacks one gets its vector of this model. */
static status make_vectors(struct work *w, struct str provider, struct str model)
{
	struct embedder e = {w, provider, model, annotation_model_key(w->mem, provider, model)};
	struct missing m = {.after_ms = -1};
	AUTO(arena) mem = {arena_open(0)};
	for (;;) {
		arena_reset(mem.p);
		if (next_page(&e, mem.p, &m))
			return -1;
		if (!m.rows->count)
			return m.any_refused ? err_restore(&m.why) : 0;
		if (put_page(&e, mem.p, &m))
			return -1;
	}
}

static status do_sync(struct work *w)
{
	struct annotation_setting *s;
	if (annotation_setting_get(w->c, w->mem, w->tenant_id, w->app_id, &s))
		return -1;
	return s && s->enabled ? make_vectors(w, s->provider, s->model) : 0;
}

/* --- jobs with a row --- */

static void add_end(struct work *w, struct db_batch *b, struct str state, struct str why)
{
	DB_ADD(b, &sql_chat_annotation_job_end, DB_ANY, OF_JOB(w), db_text(state), db_text(why),
	       db_int(clock_ms()));
}

static status drop_and_end(struct work *w, struct str model_kept)
{
	struct db_batch *b = db_batch_open(w->mem);
	DB_ADD(b, &sql_chat_annotation_vector_keep, DB_ANY, OF_APP(w), db_text(model_kept),
	       db_text(w->job_id));
	add_end(w, b, S("completed"), S(""));
	return db_commit(w->c->db, b);
}

static status do_enable(struct work *w, const struct json *p, struct str account_id)
{
	struct str provider = json_get_str(p, S("provider")), model = json_get_str(p, S("model"));
	struct db_rows *r;
	if (make_vectors(w, provider, model) ||
	    DB_WRITE(w->c->db, w->mem, &sql_chat_annotation_setting_on, DB_ANY, &r,
		     db_text(id_uuid7(w->mem)), OF_APP(w),
		     db_float(json_as_double(json_get(p, S("score_threshold")), 1)),
		     db_text(provider), db_text(model), db_text(account_id), db_int(clock_ms()),
		     db_text(w->job_id)))
		return -1;
	if (!r->changed) { /* a newer job decides */
		struct db_batch *b = db_batch_open(w->mem);
		add_end(w, b, S("completed"), S(""));
		return db_commit(w->c->db, b);
	}
	if (make_vectors(w, provider, model))
		return -1;
	return drop_and_end(w, annotation_model_key(w->mem, provider, model));
}

static status do_disable(struct work *w)
{
	struct db_rows *r;
	if (DB_WRITE(w->c->db, w->mem, &sql_chat_annotation_setting_off, DB_ANY, &r, OF_APP(w),
		     db_text(w->job_id), db_int(clock_ms())))
		return -1;
	if (r->changed)
		return drop_and_end(w, S(""));
	struct db_batch *b = db_batch_open(w->mem);
	add_end(w, b, S("completed"), S(""));
	return db_commit(w->c->db, b);
}

/* Rows from..to, and that they are stored; with the last ones the job ends. */
static status import_piece(struct work *w, struct arena *mem, const struct json *rows,
			   struct str account_id, int64_t from, int64_t to)
{
	struct db_batch *b = db_batch_open(mem);
	int64_t now = clock_ms();
	annotation_batch_room(w->c, b, w->tenant_id, w->app_id, to - from);
	for (int64_t i = from; i < to; i++) {
		const struct json *row = json_at(rows, (size_t)i);
		struct annotation_new a = {.tenant_id = w->tenant_id,
					   .app_id = w->app_id,
					   .account_id = account_id,
					   .question = json_as_str(json_at(row, 0), S("")),
					   .content = json_as_str(json_at(row, 1), S(""))};
		(void)annotation_batch_add(mem, b, &a, S(""), now);
	}
	DB_ADD(b, &sql_chat_annotation_job_step, 1, OF_JOB(w), db_int(from), db_int(to), db_int(now));
	if (to == (int64_t)json_len(rows)) {
		add_end(w, b, S("completed"), S(""));
		if (annotation_batch_sync(w->c, mem, b, w->tenant_id, w->app_id))
			return -1;
	}
	return db_commit(w->c->db, b);
}

static status do_import(struct work *w, const struct json *rows, struct str account_id, int64_t done)
{
	int64_t total = (int64_t)json_len(rows);
	AUTO(arena) mem = {arena_open(0)};
	while (done < total) {
		int64_t to = MIN(done + IMPORT_ROWS, total);
		arena_reset(mem.p);
		if (import_piece(w, mem.p, rows, account_id, done, to))
			return -1;
		done = to;
	}
	return 0;
}

/* ERR_STALE of a piece: the app is full, or another worker has the job by now. */
static status import_refused(struct work *w, int64_t done)
{
	struct annotation_job *j;
	if (annotation_job_get(w->c, w->mem, w->tenant_id, w->app_id, S("import"), w->job_id, &j))
		return -1;
	if (j->done > done || str_eq(j->status, S("completed")))
		return err_set(ERR_BUSY, "another worker has this import");
	return err_set(ERR_LIMIT, "The app may have %lld annotations (TATARA_ANNOTATIONS_MAX); %lld of "
				  "%lld rows were stored.",
		       (long long)config_int(w->c->config, CONFIG_TATARA_ANNOTATIONS_MAX),
		       (long long)j->done, (long long)j->total);
}

static status do_row(struct work *w)
{
	struct db_rows *r;
	if (DB_WRITE(w->c->db, w->mem, &sql_chat_annotation_job_begin, DB_ANY, &r, OF_JOB(w),
		     db_int(clock_ms())))
		return -1;
	if (!r->changed ||
	    DB_READ(w->c->db, w->mem, &sql_chat_annotation_job_load, &r, OF_JOB(w)))
		return r->changed ? -1 : 0; /* done, or its app is gone */
	struct str kind = db_str_at(r, 0, 0), account_id = db_str_at(r, 0, 3);
	struct json *payload;
	if (json_parse(w->mem, db_str_at(r, 0, 2), &payload))
		return -1;
	if (str_eq(kind, S("enable")))
		return do_enable(w, payload, account_id);
	if (str_eq(kind, S("disable")))
		return do_disable(w);
	int64_t done = db_int_at(r, 0, 4);
	status st = do_import(w, payload, account_id, done);
	return st && err_code() == ERR_STALE ? import_refused(w, done) : st;
}

/* --- taking work --- */

struct keeper {
	struct broker *broker;
	const struct job *job;
};

/* Holds the lease while the job is done. One that is lost is no harm: steps may be done twice. */
static status keep_lease(void *arg)
{
	struct keeper *k = arg;
	for (;;) {
		if (fiber_sleep_ms(EXTEND_MS))
			return 0;
		if (queue_extend(k->broker, k->job, LEASE_MS)) {
			err_clear();
			return 0;
		}
	}
}

static status do_job(struct work *w, const struct job *job)
{
	struct str rest = job->payload;
	w->tenant_id = str_cut(&rest, ' ');
	w->app_id = str_cut(&rest, ' ');
	w->job_id = rest;
	*fiber_log_context() = (struct log_context){.tenant_id = w->tenant_id};
	AUTO(group) keeper = {group_open(DEADLINE_NONE)};
	struct keeper k = {w->c->broker, job};
	if (group_spawn(keeper.p, "annotation-lease", keep_lease, &k))
		return -1;
	return w->job_id.len ? do_row(w) : do_sync(w);
}

static status job_failed(struct work *w, const struct job *job, const struct err *why)
{
	struct db_batch *b = db_batch_open(w->mem);
	if (job->attempt < TRIES && why->code != ERR_LIMIT)
		return queue_fail(w->c->broker, job, str_c(why->text), AGAIN_MS * job->attempt);
	if (w->job_id.len) {
		add_end(w, b, S("error"), str_c(why->text));
		if (db_commit(w->c->db, b))
			return -1;
	}
	return queue_done(w->c->broker, job);
}

status annotation_work(struct chats *c)
{
	static const struct str queues[] = {S_INIT(ANNOTATION_QUEUE)};
	AUTO(arena) mem = {arena_open(0)};
	struct work w = {.c = c, .mem = mem.p};
	struct job *job;
	if (queue_take(c->broker, mem.p, queues, countof(queues), LEASE_MS, &job))
		return -1;
	struct err why;
	status st = do_job(&w, job);
	err_save(&why);
	/* What a worker that ends leaves behind goes on elsewhere at once. */
	bool ends = st && fiber_cancelled();
	struct shield shield = shield_begin(EXTEND_MS);
	if (!st)
		st = queue_done(c->broker, job);
	else if (ends)
		st = queue_fail(c->broker, job, S("the worker ended"), 0);
	else {
		log_err(LOG_WARN, "annotations of app %.*s", STR(w.app_id));
		st = job_failed(&w, job, &why);
	}
	shield_end(shield);
	if (st && err_code() == ERR_STALE) { /* the lease was lost */
		err_clear();
		st = 0;
	}
	return ends ? err_restore(&why) : st;
}
