/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_keep: moves the write-ahead log back into the database file, beside the writer rather than
 * in its way. SQLite would do it within a commit, and all that wait for that commit would wait for
 * three fsyncs more.
 *
 *   writer, after a commit: log has grown by STEP_PAGES -> wake the keeper
 *   keeper thread:          passive checkpoint on a connection of its own, writer goes on; sync of
 *                           the file, which SQLite does only when the log's end was reached
 *   writer:                 log is longer than RESET_PAGES and the keeper has just been there ->
 *                           the few pages since, so that the log can begin anew
 *
 * When few write, the keeper reaches the end of the log by itself. The new beginning is the one
 * moment when all wait for the disk (two short syncs and one for the log's head), so it is made
 * rare: at 5,000 runs a second every eight seconds. The thread and its connection are made when
 * first needed. Must not call rt.
 */
#include "store/db/sqlite_int.h"

enum {
	STEP_PAGES = 2000,    /* 8 MiB of pages of 4 KiB; with larger steps each sync is longer */
	RESET_PAGES = 64000,  /* 256 MiB; journal_size_limit is larger: the file keeps its blocks */
	WAIT_AT = 4,	      /* so many times that: the writer waits for the keeper */
	PAGE_BYTES = 4096,
};

static sqlite3 *open_own(const struct lite_keeper *k)
{
	sqlite3 *db = NULL;
	if (sqlite3_open_v2(k->path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) ==
		    SQLITE_OK &&
	    sqlite3_exec(db, "PRAGMA cache_size=-64; SELECT 1 FROM sqlite_master LIMIT 1", NULL, NULL,
			 NULL) == SQLITE_OK)
		return db;
	sqlite3_close(db);
	return NULL;
}

static bool sync_file(sqlite3 *db)
{
	sqlite3_file *f = NULL;
	return sqlite3_file_control(db, NULL, SQLITE_FCNTL_FILE_POINTER, &f) == SQLITE_OK && f &&
	       f->pMethods && f->pMethods->xSync(f, SQLITE_SYNC_NORMAL) == SQLITE_OK;
}

/* Twice: the second time there is little left to copy, and so little for the writer after it. */
static bool move_log(sqlite3 *db)
{
	for (int i = 0; i < 2; i++)
		if (sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) !=
			    SQLITE_OK ||
		    !sync_file(db))
			return false;
	return true;
}

static void *keeper_main(void *arg)
{
	struct lite_keeper *k = arg;
	sqlite3 *db = NULL;
	pthread_mutex_lock(&k->mutex);
	while (!k->stopping) {
		if (!k->wanted) {
			pthread_cond_wait(&k->more, &k->mutex);
			continue;
		}
		k->wanted = false;
		k->busy = true;
		pthread_mutex_unlock(&k->mutex);
		if (!db)
			db = open_own(k);
		/* A failure is no loss: what was not moved stays in the log and is tried again. */
		if (db && move_log(db))
			atomic_store(&k->done, true);
		pthread_mutex_lock(&k->mutex);
		k->busy = false;
		pthread_cond_signal(&k->idle);
	}
	pthread_mutex_unlock(&k->mutex);
	sqlite3_close(db);
	return NULL;
}

static void wake(struct lite_keeper *k)
{
	pthread_mutex_lock(&k->mutex);
	k->wanted = true;
	/* Started by the writer's thread, so that it has no signals either. */
	if (!k->running)
		k->running = !pthread_create(&k->thread, NULL, keeper_main, k);
	pthread_cond_signal(&k->more);
	pthread_mutex_unlock(&k->mutex);
}

/* A disk that is slower than the writer: from here on it sets the pace. */
static void wait_idle(struct lite_keeper *k)
{
	pthread_mutex_lock(&k->mutex);
	while (k->running && (k->wanted || k->busy))
		pthread_cond_wait(&k->idle, &k->mutex);
	pthread_mutex_unlock(&k->mutex);
}

/* After each commit of the writer: pages is the length of the log. */
static int on_commit(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct lite_keeper *k = arg;
	if (pages < k->asked_at)
		k->asked_at = 0; /* the log has begun anew */
	bool step = pages - k->asked_at >= MIN(STEP_PAGES, k->reset_pages / 4);
	if (step) {
		k->asked_at = pages;
		wake(k);
	}
	if (pages >= WAIT_AT * k->reset_pages && step)
		wait_idle(k);
	if (pages >= k->reset_pages && atomic_exchange(&k->done, false))
		(void)sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	return SQLITE_OK;
}

void keeper_start(struct lite_keeper *k, const char *path, sqlite3 *writer, size_t log_bytes)
{
	k->path = path;
	k->reset_pages = log_bytes ? (int)(log_bytes / PAGE_BYTES) : RESET_PAGES;
	sqlite3_wal_hook(writer, on_commit, k);
}

void keeper_init(struct lite_keeper *k)
{
	pthread_mutex_init(&k->mutex, NULL);
	pthread_cond_init(&k->more, NULL);
	pthread_cond_init(&k->idle, NULL);
}

void keeper_stop(struct lite_keeper *k)
{
	pthread_mutex_lock(&k->mutex);
	k->stopping = true;
	pthread_cond_signal(&k->more);
	pthread_mutex_unlock(&k->mutex);
	if (k->running)
		pthread_join(k->thread, NULL);
	pthread_cond_destroy(&k->more);
	pthread_cond_destroy(&k->idle);
	pthread_mutex_destroy(&k->mutex);
}
