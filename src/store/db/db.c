/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db: the front. Owns batches and results' access, checks parameters, counts; knows neither SQLite
 * nor libpq. Any fiber of the opening loop may call it.
 */
#include "store/db/db_int.h"
#include <inttypes.h>
#include <string.h>

status db_open(const struct db_options *o, struct db **out)
{
	return o->postgres.len ? postgres_open(o, out) : sqlite_open(o, out);
}

void db_close(struct db *db)
{
	if (db)
		db->backend->close(db);
}

/* --- results --- */

static const struct db_value *cell(const struct db_rows *r, size_t row, size_t column)
{
	static const struct db_value none = { .type = DB_NULL };
	if (row >= r->count || column >= r->columns)
		return &none;
	return &r->cells[row * r->columns + column];
}

struct str db_str_at(const struct db_rows *r, size_t row, size_t column)
{
	const struct db_value *v = cell(r, row, column);
	return v->type == DB_TEXT || v->type == DB_BLOB ? v->text : S("");
}

int64_t db_int_at(const struct db_rows *r, size_t row, size_t column)
{
	const struct db_value *v = cell(r, row, column);
	if (v->type == DB_INT)
		return v->integer;
	if (v->type == DB_FLOAT && v->number > -9.2e18 && v->number < 9.2e18)
		return (int64_t)v->number;
	return 0;
}

double db_float_at(const struct db_rows *r, size_t row, size_t column)
{
	const struct db_value *v = cell(r, row, column);
	if (v->type == DB_FLOAT)
		return v->number;
	return v->type == DB_INT ? (double)v->integer : 0;
}

bool db_null_at(const struct db_rows *r, size_t row, size_t column)
{
	return cell(r, row, column)->type == DB_NULL;
}

/* --- checks --- */

static status check_item(const struct db_item *it)
{
	const char *name = it->sql->name ? it->sql->name : "a query";
	if (it->n != (size_t)it->sql->params)
		return err_set(ERR_INTERNAL, "%s takes %d parameters, %zu given", name,
			       it->sql->params, it->n);
	for (size_t i = 0; i < it->n; i++) {
		const struct db_value *v = &it->params[i];
		if (v->type == DB_TEXT && v->text.len && memchr(v->text.at, 0, v->text.len))
			return err_set(ERR_INVALID, "text with a NUL character cannot be stored");
	}
	return 0;
}

status db_expect(const struct db_item *it, const struct db_rows *rows)
{
	if (it->expect == DB_ANY)
		return 0;
	int64_t got = rows->columns ? (int64_t)rows->count : rows->changed;
	if (got == it->expect)
		return 0;
	err_set(ERR_STALE, "the record was changed or removed in the meantime");
	err_detail("%s: %" PRId64 " rows, expected %" PRId64, it->sql->name ? it->sql->name : "a query",
		   got, it->expect);
	return -1;
}

/* --- reads --- */

status db_read(struct db *db, struct arena *mem, const struct sql *sql,
	       const struct db_value *params, size_t n, struct db_rows **out)
{
	struct db_item it = { .sql = sql, .params = params, .n = n, .expect = DB_ANY };
	if (check_item(&it))
		return -1;
	db->stats.reads++;
	if (db->backend->read(db, mem, &it, out)) {
		db->stats.errors++;
		return sql->name ? err_wrap("read %s", sql->name) : -1;
	}
	return 0;
}

/* --- batches --- */

struct db_batch *db_batch_open(struct arena *mem)
{
	struct db_batch *b = arena_new(mem, struct db_batch);
	b->mem = mem;
	return b;
}

size_t db_batch_add(struct db_batch *b, const struct sql *sql, const struct db_value *params,
		    size_t n, int64_t expect)
{
	struct db_item it = { .sql = sql, .n = n, .expect = expect };
	/* The array of DB_ADD ends with the caller's block: kept here; the texts stay borrowed. */
	struct db_value *copy = arena_array(b->mem, struct db_value, n);
	if (n)
		memcpy(copy, params, n * sizeof(*copy));
	it.params = copy;
	vec_push(b->mem, &b->items, it);
	return b->items.len - 1;
}

void db_batch_after(struct db_batch *b, void (*fn)(void *), void *arg)
{
	vec_push(b->mem, &b->afters, ((struct db_after){ fn, arg }));
}

size_t db_batch_len(const struct db_batch *b)
{
	return b->items.len;
}

struct db_batch *db_batch_copy(struct arena *mem, const struct db_batch *from)
{
	struct db_batch *b = db_batch_open(mem);
	for (size_t i = 0; i < from->items.len; i++) {
		const struct db_item *it = &from->items.at[i];
		size_t at = db_batch_add(b, it->sql, it->params, it->n, it->expect);
		/* db_batch_add has made the array ours. */
		struct db_value *own = (struct db_value *)(uintptr_t)b->items.at[at].params;
		for (size_t k = 0; k < it->n; k++)
			if (own[k].type >= DB_TEXT)
				own[k].text = arena_str(mem, own[k].text);
	}
	return b;
}

void db_batch_join(struct db_batch *b, const struct db_batch *from)
{
	for (size_t i = 0; i < from->items.len; i++) {
		const struct db_item *it = &from->items.at[i];
		db_batch_add(b, it->sql, it->params, it->n, it->expect);
	}
}

const struct db_rows *db_batch_rows(const struct db_batch *b, size_t index)
{
	ASSERT(index < b->items.len && b->items.at[index].rows);
	return b->items.at[index].rows;
}

status db_commit(struct db *db, struct db_batch *b)
{
	for (size_t i = 0; i < b->items.len; i++)
		if (check_item(&b->items.at[i]))
			return -1;
	db->stats.batches++;
	db->stats.statements += b->items.len;
	if (b->items.len && db->backend->commit(db, b)) {
		db->stats.errors++;
		return err_wrap("commit of %zu statements, first %s", b->items.len,
				b->items.at[0].sql->name ? b->items.at[0].sql->name : "a query");
	}
	for (size_t i = 0; i < b->afters.len; i++)
		b->afters.at[i].fn(b->afters.at[i].arg);
	return 0;
}

status db_write(struct db *db, struct arena *mem, const struct sql *sql,
		const struct db_value *params, size_t n, int64_t expect, struct db_rows **rows)
{
	struct db_batch *b = db_batch_open(mem);
	db_batch_add(b, sql, params, n, expect);
	if (db_commit(db, b))
		return -1;
	if (rows)
		*rows = b->items.at[0].rows;
	return 0;
}

/* --- the rest --- */

status db_migrate(struct db *db, bool plan, struct migrate_report *report)
{
	return db->backend->migrate(db, plan, report);
}

status db_script(struct db *db, struct str text)
{
	return db->backend->script(db, text);
}

status db_ping(struct db *db)
{
	static const struct sql ping = { "db/ping", "SELECT 1", "SELECT 1", 0 };
	AUTO(arena) mem = { arena_open(0) };
	struct db_rows *rows;
	return db_read(db, mem.p, &ping, NULL, 0, &rows);
}

status db_prepare_all(struct db *db)
{
	for (size_t i = 0; i < sql_all_len; i++)
		if (db->backend->prepare(db, sql_all[i]))
			return err_wrap("prepare %s", sql_all[i]->name);
	return 0;
}

void db_stats_get(const struct db *db, struct db_stats *out)
{
	*out = db->stats;
}
