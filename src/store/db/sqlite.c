/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite: the SQLite backend. One writer thread, some reader threads, each with its connection.
 *
 *   fiber -> queue -> writer thread:  BEGIN; SAVEPOINT batch 1; ...; SAVEPOINT batch n; COMMIT
 *                  -> reader threads: one statement each
 *   threads -> list of what is done -> one loop_post -> fibers wake
 *
 * While the writer commits, batches gather; it takes all of them into its next transaction, so
 * that the price of a commit is shared. A batch that fails is rolled back to its savepoint. A wait
 * that is cancelled before a thread took the job removes it; later it waits for the outcome, as
 * the parameters are borrowed and the caller should know what happened.
 *
 * Threads write results into an arena of the job; the fiber copies them into the caller's, which
 * others may be using meanwhile.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "base/list.h"
#include "store/db/sqlite_int.h"

enum { GROUP_MAX = 256, READERS_DEFAULT = 2, READERS_MAX = 64 };

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_DONE };
enum job_kind { JOB_COMMIT, JOB_READ, JOB_CALL };
struct job {
	struct list link;
	enum job_kind kind;
	enum job_state state; /* changed under the mutex, DONE on the loop */
	atomic_bool stop;
	struct event done;
	status rc;
	struct err *err;       /* heap, when rc is not 0 */
	struct arena *scratch; /* results until the fiber has copied them */
	struct db_batch *batch;
	const struct db_item *item;
	struct db_rows **rows; /* in scratch: one a statement */
	status (*call)(struct lite_conn *, void *);
	void *arg;
};

/* A queue with the threads that serve it. */
struct lane {
	pthread_cond_t more;
	struct list jobs;
	size_t count;
};

struct lite {
	struct db db; /* first */
	struct loop *loop;
	char *path;
	bool sync_full;
	size_t log_bytes;
	pthread_mutex_t mutex; /* guards all below */
	struct lane writes, reads;
	struct list finished;
	bool posted, stopping;
	uint64_t commits;
	struct lite_conn writer;
	struct lite_keeper keeper;
	int readers;
	struct lite_conn *reader_conns;
	pthread_t *threads; /* the writer, then the readers */
	int threads_running;
};

/* --- back to the fibers --- */

/* The loop looks at a job without the mutex while a thread may just take it: atomic, no order needed,
 * since DONE, the state that hands data over, is set on the loop itself. */
static enum job_state state_of(const struct job *j)
{
	return __atomic_load_n(&j->state, __ATOMIC_RELAXED);
}

static void set_state(struct job *j, enum job_state state)
{
	__atomic_store_n(&j->state, state, __ATOMIC_RELAXED);
}

static void on_finished(void *arg)
{
	struct lite *l = arg;
	struct list mine;
	list_init(&mine);
	pthread_mutex_lock(&l->mutex);
	for (struct list *n; (n = list_pop(&l->finished));)
		list_push(&mine, n);
	l->posted = false;
	l->db.stats.commits = __atomic_load_n(&l->commits, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&l->mutex);
	for (struct list *n; (n = list_pop(&mine));) {
		struct job *j = container_of(n, struct job, link);
		set_state(j, JOB_DONE);
		event_wake_all(&j->done);
	}
}

/* Gives done jobs back, all with one wake-up of the loop. */
static void finish(struct lite *l, struct job **jobs, size_t n)
{
	pthread_mutex_lock(&l->mutex);
	for (size_t i = 0; i < n; i++)
		list_push(&l->finished, &jobs[i]->link);
	bool post = !l->posted;
	l->posted = true;
	/* Under the lock: after it on_finished may have been run and the db closed. */
	if (post)
		loop_post(l->loop, on_finished, l);
	pthread_mutex_unlock(&l->mutex);
}

/* Keeps the thread's error record with the job. */
static void set_result(struct job *j, status rc)
{
	j->rc = rc;
	if (!rc)
		return;
	if (!j->err)
		j->err = malloc(sizeof(*j->err));
	ASSERT(j->err);
	err_save(j->err);
}

/* --- the writer thread --- */

static status run_statements(struct lite_conn *c, struct job *j)
{
	if (j->scratch)
		arena_reset(j->scratch);
	else
		j->scratch = arena_open(0);
	j->rows = arena_array(j->scratch, struct db_rows *, j->batch->items.len);
	for (size_t i = 0; i < j->batch->items.len; i++) {
		const struct db_item *it = &j->batch->items.at[i];
		if (lite_run(c, j->scratch, it, &j->rows[i]) || db_expect(it, j->rows[i]))
			return it->sql->name ? err_wrap("%s", it->sql->name) : -1;
	}
	return 0;
}

static void undo_all(struct lite_conn *c)
{
	if (sqlite3_get_autocommit(c->db))
		return; /* SQLite did it itself, as after a full disk */
	struct err *saved = malloc(sizeof(*saved));
	ASSERT(saved);
	err_save(saved);
	ASSERT(!lite_step(c, c->rollback) || sqlite3_get_autocommit(c->db));
	(void)err_restore(saved);
	free(saved);
}

static void set_limit(struct lite *l, struct lite_conn *c)
{
	c->stop_at = lite_now() + l->db.timeout_ms * 1000000;
}

static void run_single(struct lite *l, struct job *j)
{
	struct lite_conn *c = &l->writer;
	set_limit(l, c);
	status rc = lite_step(c, c->begin);
	if (!rc) {
		rc = run_statements(c, j);
		c->stop_at = 0; /* a commit is never cut short */
		if (!rc)
			rc = lite_step(c, c->commit);
		if (rc)
			undo_all(c);
		else
			__atomic_fetch_add(&l->commits, 1, __ATOMIC_RELAXED);
	}
	set_result(j, rc);
}

/* One batch of a group. False when SQLite gave up the whole transaction. */
static bool run_member(struct lite *l, struct job *j)
{
	struct lite_conn *c = &l->writer;
	set_limit(l, c);
	status rc = lite_step(c, c->save);
	if (!rc) {
		rc = run_statements(c, j);
		if (!rc)
			rc = lite_step(c, c->release);
	}
	set_result(j, rc);
	c->stop_at = 0;
	if (!rc)
		return true;
	if (sqlite3_get_autocommit(c->db))
		return false;
	return !lite_step(c, c->undo) && !lite_step(c, c->release);
}

static void run_group(struct lite *l, struct job **jobs, size_t n)
{
	struct lite_conn *c = &l->writer;
	set_limit(l, c);
	size_t bad = n; /* the member that ended the transaction */
	if (lite_step(c, c->begin)) {
		for (size_t i = 0; i < n; i++)
			set_result(jobs[i], -1);
		return;
	}
	for (size_t i = 0; i < n && bad == n; i++)
		if (!run_member(l, jobs[i]))
			bad = i;
	if (bad == n && !lite_step(c, c->commit)) {
		__atomic_fetch_add(&l->commits, 1, __ATOMIC_RELAXED);
		return;
	}
	undo_all(c);
	/* The disk is full or a deferred constraint failed: each for itself, so that each gets its
	 * own outcome. Nothing of the group was applied, and those that failed stay failed. */
	for (size_t i = 0; i < n; i++)
		if (i != bad && !(i < bad && jobs[i]->rc))
			run_single(l, jobs[i]);
}

static void run_call(struct lite *l, struct job *j)
{
	l->writer.stop_at = 0;
	status rc = j->call(&l->writer, j->arg);
	if (rc)
		undo_all(&l->writer);
	set_result(j, rc);
}

/* Takes what waits, up to the next JOB_CALL, which runs alone. 0 = stop. */
static size_t take_group(struct lite *l, struct job **out)
{
	size_t n = 0;
	pthread_mutex_lock(&l->mutex);
	while (list_empty(&l->writes.jobs) && !l->stopping)
		pthread_cond_wait(&l->writes.more, &l->mutex);
	while (n < GROUP_MAX && !list_empty(&l->writes.jobs)) {
		struct job *j = container_of(l->writes.jobs.next, struct job, link);
		if (n && j->kind == JOB_CALL)
			break;
		list_remove(&j->link);
		l->writes.count--;
		set_state(j, JOB_RUNNING);
		out[n++] = j;
		if (j->kind == JOB_CALL)
			break;
	}
	pthread_mutex_unlock(&l->mutex);
	return n;
}

static void *writer_main(void *arg)
{
	struct lite *l = arg;
	struct job *jobs[GROUP_MAX];
	for (size_t n; (n = take_group(l, jobs));) {
		if (jobs[0]->kind == JOB_CALL)
			run_call(l, jobs[0]);
		else if (n == 1)
			run_single(l, jobs[0]);
		else
			run_group(l, jobs, n);
		finish(l, jobs, n);
	}
	return NULL;
}

/* --- reader threads --- */

static void run_read(struct lite *l, struct lite_conn *c, struct job *j)
{
	j->scratch = arena_open(0);
	j->rows = arena_new(j->scratch, struct db_rows *);
	set_limit(l, c);
	c->stop = &j->stop;
	set_result(j, lite_run(c, j->scratch, j->item, &j->rows[0]));
	c->stop = NULL;
}

struct reader_start {
	struct lite *l;
	struct lite_conn *c;
};

static void *reader_main(void *arg)
{
	struct reader_start start = *(struct reader_start *)arg;
	struct lite *l = start.l;
	free(arg);
	for (;;) {
		pthread_mutex_lock(&l->mutex);
		while (list_empty(&l->reads.jobs) && !l->stopping)
			pthread_cond_wait(&l->reads.more, &l->mutex);
		struct list *n = list_pop(&l->reads.jobs);
		struct job *j = n ? container_of(n, struct job, link) : NULL;
		if (j) {
			l->reads.count--;
			set_state(j, JOB_RUNNING);
		}
		pthread_mutex_unlock(&l->mutex);
		if (!j)
			return NULL;
		run_read(l, start.c, j);
		finish(l, &j, 1);
	}
}

/* --- in the fiber --- */

static void wait_shielded(struct job *j)
{
	while (state_of(j) != JOB_DONE) {
		struct shield s = shield_begin(1000);
		status woken = event_wait(&j->done, deadline_current());
		shield_end(s);
		(void)woken; /* the state tells */
	}
}

/* The wait ended, the thread is at work. A read is stopped and fails as the wait did; a write goes
 * on, and its outcome is what the caller gets. */
static void abandon(struct job *j)
{
	if (j->kind != JOB_READ) {
		wait_shielded(j);
		return;
	}
	struct err *why = malloc(sizeof(*why));
	ASSERT(why);
	err_save(why);
	atomic_store(&j->stop, true);
	wait_shielded(j);
	if (j->rc)
		*j->err = *why;
	free(why);
}

/* Queues the job and waits for its end. Fails only when it was not run at all. */
static status submit(struct lite *l, struct lane *lane, struct job *j)
{
	list_init(&j->link);
	pthread_mutex_lock(&l->mutex);
	list_push(&lane->jobs, &j->link);
	lane->count++;
	l->db.stats.queue = l->writes.count;
	pthread_cond_signal(&lane->more);
	pthread_mutex_unlock(&l->mutex);
	while (state_of(j) != JOB_DONE) {
		if (!event_wait(&j->done, deadline_current()))
			continue;
		pthread_mutex_lock(&l->mutex);
		bool queued = state_of(j) == JOB_QUEUED;
		if (queued) {
			list_remove(&j->link);
			lane->count--;
		}
		pthread_mutex_unlock(&l->mutex);
		if (queued)
			return -1;
		abandon(j);
	}
	return 0;
}

static void job_done(struct job *j)
{
	if (j->scratch)
		arena_close(j->scratch);
	free(j->err);
}

static struct db_rows *copy_rows(struct arena *mem, const struct db_rows *from)
{
	struct db_rows *to = arena_new(mem, struct db_rows);
	*to = *from;
	size_t n = from->count * from->columns;
	to->cells = arena_array(mem, struct db_value, n);
	if (n)
		memcpy(to->cells, from->cells, n * sizeof(*to->cells));
	for (size_t i = 0; i < n; i++)
		if (to->cells[i].type >= DB_TEXT)
			to->cells[i].text = arena_str(mem, to->cells[i].text);
	return to;
}

static status lite_read(struct db *db, struct arena *mem, const struct db_item *it,
			struct db_rows **out)
{
	struct lite *l = (struct lite *)db;
	struct job j = { .kind = JOB_READ, .item = it };
	status rc = submit(l, &l->reads, &j);
	if (!rc)
		rc = j.rc ? err_restore(j.err) : 0;
	if (!rc)
		*out = copy_rows(mem, j.rows[0]);
	job_done(&j);
	return rc;
}

static status lite_commit(struct db *db, struct db_batch *b)
{
	struct lite *l = (struct lite *)db;
	struct job j = { .kind = JOB_COMMIT, .batch = b };
	status rc = submit(l, &l->writes, &j);
	if (!rc)
		rc = j.rc ? err_restore(j.err) : 0;
	for (size_t i = 0; !rc && i < b->items.len; i++)
		b->items.at[i].rows = copy_rows(b->mem, j.rows[i]);
	job_done(&j);
	return rc;
}

static status call(struct lite *l, status (*fn)(struct lite_conn *, void *), void *arg)
{
	struct job j = { .kind = JOB_CALL, .call = fn, .arg = arg };
	status rc = submit(l, &l->writes, &j);
	if (!rc)
		rc = j.rc ? err_restore(j.err) : 0;
	job_done(&j);
	return rc;
}

static status call_prepare(struct lite_conn *c, void *arg)
{
	sqlite3_stmt *s;
	return lite_prepare(c, arg, &s);
}

static status lite_prepare_one(struct db *db, const struct sql *sql)
{
	return call((struct lite *)db, call_prepare, (void *)sql);
}

static status call_script(struct lite_conn *c, void *arg)
{
	return lite_script(c, arg);
}

static status lite_script_text(struct db *db, struct str text)
{
	AUTO(arena) mem = { arena_open(0) };
	return call((struct lite *)db, call_script, arena_cstr(mem.p, text));
}

/* --- migrations --- */

static status migrate_query(void *conn, struct arena *mem, const char *text, struct db_rows **rows)
{
	const struct sql sql = { .sqlite = text };
	const struct db_item it = { .sql = &sql, .expect = DB_ANY };
	return lite_run(conn, mem, &it, rows);
}

static status migrate_script(void *conn, const char *text)
{
	return lite_script(conn, text);
}

struct migrate_call {
	bool plan;
	struct migrate_report *report;
};

static status call_migrate(struct lite_conn *c, void *arg)
{
	static const struct migrate_ops ops = { migrate_query, migrate_script, false };
	struct migrate_call *m = arg;
	return migrate_run(&ops, c, m->plan, m->report);
}

static status lite_migrate(struct db *db, bool plan, struct migrate_report *report)
{
	struct migrate_call m = { plan, report };
	return call((struct lite *)db, call_migrate, &m);
}

/* --- opening and closing --- */

static void free_all(struct lite *l)
{
	for (int i = 0; i < l->readers; i++)
		lite_close(&l->reader_conns[i]);
	/* Last, so that it writes the journal back into the file and removes it. */
	lite_close(&l->writer);
	pthread_cond_destroy(&l->writes.more);
	pthread_cond_destroy(&l->reads.more);
	pthread_mutex_destroy(&l->mutex);
	free(l->reader_conns);
	free(l->threads);
	free(l->path);
	free(l);
}

static void lite_shut(struct db *db)
{
	struct lite *l = (struct lite *)db;
	pthread_mutex_lock(&l->mutex);
	l->stopping = true;
	pthread_cond_broadcast(&l->writes.more);
	pthread_cond_broadcast(&l->reads.more);
	pthread_mutex_unlock(&l->mutex);
	for (int i = 0; i < l->threads_running; i++)
		pthread_join(l->threads[i], NULL);
	keeper_stop(&l->keeper);
	free_all(l);
}

static status open_files(void *arg)
{
	struct lite *l = arg;
	if (lite_open(&l->writer, l->path, false, l->sync_full))
		return -1;
	for (int i = 0; i < l->readers; i++)
		if (lite_open(&l->reader_conns[i], l->path, true, l->sync_full))
			return -1;
	keeper_start(&l->keeper, l->path, l->writer.db, l->log_bytes);
	return 0;
}

static status start_thread(struct lite *l, void *(*fn)(void *), void *arg)
{
	/* Signals are the loop's business. */
	sigset_t all, saved;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &saved);
	int rc = pthread_create(&l->threads[l->threads_running], NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	if (rc)
		return err_set(ERR_IO, "cannot start a database thread: %s", strerror(rc));
	l->threads_running++;
	return 0;
}

static status start_threads(struct lite *l)
{
	if (start_thread(l, writer_main, l))
		return -1;
	for (int i = 0; i < l->readers; i++) {
		struct reader_start *start = malloc(sizeof(*start));
		ASSERT(start);
		*start = (struct reader_start){ l, &l->reader_conns[i] };
		if (start_thread(l, reader_main, start)) {
			free(start);
			return -1;
		}
	}
	return 0;
}

static const struct db_backend lite_backend = {
	.close = lite_shut,
	.read = lite_read,
	.commit = lite_commit,
	.prepare = lite_prepare_one,
	.script = lite_script_text,
	.migrate = lite_migrate,
};

status sqlite_open(const struct db_options *o, struct db **out)
{
	if (!o->sqlite_path.len)
		return err_set(ERR_INVALID, "no path of the database file");
	struct lite *l = calloc(1, sizeof(*l));
	ASSERT(l);
	l->db.backend = &lite_backend;
	l->db.timeout_ms = o->statement_timeout_ms ? o->statement_timeout_ms : DB_TIMEOUT_DEFAULT_MS;
	l->loop = loop_current();
	l->path = strndup(o->sqlite_path.at, o->sqlite_path.len);
	l->sync_full = o->sqlite_sync_full;
	l->log_bytes = o->sqlite_log_bytes;
	l->readers = o->connections > 0 ? MIN(o->connections, READERS_MAX) : READERS_DEFAULT;
	l->reader_conns = calloc((size_t)l->readers, sizeof(*l->reader_conns));
	l->threads = calloc((size_t)l->readers + 1, sizeof(*l->threads));
	ASSERT(l->path && l->reader_conns && l->threads);
	pthread_mutex_init(&l->mutex, NULL);
	pthread_cond_init(&l->writes.more, NULL);
	pthread_cond_init(&l->reads.more, NULL);
	keeper_init(&l->keeper);
	list_init(&l->writes.jobs);
	list_init(&l->reads.jobs);
	list_init(&l->finished);
	status rc = pool_call(open_files, l);
	if (!rc)
		rc = start_threads(l);
	if (rc) {
		struct err *saved = malloc(sizeof(*saved));
		ASSERT(saved);
		err_save(saved);
		lite_shut(&l->db);
		(void)err_restore(saved);
		free(saved);
		return -1;
	}
	*out = &l->db;
	return 0;
}
