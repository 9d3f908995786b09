/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_batch: statements over one connection in pipeline mode.
 *
 *   no conditions:  BEGIN s1 ... sn COMMIT sync              one round trip
 *   with expect:    BEGIN s1 ... sn sync | COMMIT sync       two, the rows are looked at between
 *   one statement:  s1 sync                                  its own transaction
 *   after an error: ROLLBACK sync
 *
 * A statement's first use on a connection puts its prepare in front of it, in the same round trip.
 * Parameters go as text (bytes as binary) without types: the server infers them.
 */
#include "store/db/postgres_int.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_OID = 26,
	OID_FLOAT4 = 700,
	OID_FLOAT8 = 701,
	OID_NUMERIC = 1700,
	NAME_MAX_LEN = 24,
};

/* --- sending --- */

struct wire {
	const char **values;
	int *lengths, *formats;
};

static struct wire encode(struct arena *mem, const struct db_item *it)
{
	struct wire w = { arena_array(mem, const char *, it->n), arena_array(mem, int, it->n),
			  arena_array(mem, int, it->n) };
	for (size_t i = 0; i < it->n; i++) {
		const struct db_value *v = &it->params[i];
		switch (v->type) {
		case DB_NULL:
			break;
		case DB_INT:
			w.values[i] = arena_printf(mem, "%" PRId64, v->integer).at;
			break;
		case DB_FLOAT:
			w.values[i] = isnan(v->number)	       ? "NaN" :
				      isinf(v->number) ? (v->number > 0 ? "Infinity" : "-Infinity") :
							 arena_printf(mem, "%.17g", v->number).at;
			break;
		case DB_TEXT:
			w.values[i] = arena_cstr(mem, v->text);
			break;
		case DB_BLOB:
			w.values[i] = v->text.at ? v->text.at : "";
			w.lengths[i] = (int)v->text.len;
			w.formats[i] = 1;
			break;
		}
	}
	return w;
}

static void name_of(uintptr_t number, char out[NAME_MAX_LEN])
{
	snprintf(out, NAME_MAX_LEN, "t%llu", (unsigned long long)number);
}

/* What is in flight for one statement. */
struct sent {
	bool prepares, prepared;
	uintptr_t number;
};

static status send_item(struct pg_conn *c, struct arena *mem, const struct db_item *it,
			struct sent *s)
{
	struct wire w = encode(mem, it);
	const struct sql *sql = it->sql;
	bool ok;
	if (!sql->name) {
		ok = PQsendQueryParams(c->pq, sql->postgres, (int)it->n, NULL, w.values, w.lengths,
				       w.formats, 0);
	} else {
		char name[NAME_MAX_LEN];
		s->number = (uintptr_t)ptr_get(&c->prepared, sql);
		s->prepares = !s->number;
		if (s->prepares)
			s->number = ++c->names;
		name_of(s->number, name);
		ok = !s->prepares || PQsendPrepare(c->pq, name, sql->postgres, 0, NULL);
		ok = ok && PQsendQueryPrepared(c->pq, name, (int)it->n, w.values, w.lengths,
					       w.formats, 0);
	}
	return ok ? 0 : pg_lost(c);
}

static status send_plain(struct pg_conn *c, const char *text)
{
	return PQsendQueryParams(c->pq, text, 0, NULL, NULL, NULL, NULL, 0) ? 0 : pg_lost(c);
}

static status send_sync(struct pg_conn *c)
{
	return PQpipelineSync(c->pq) ? pg_flush(c) : pg_lost(c);
}

/* --- receiving --- */

static status decode_bytes(struct arena *mem, const char *text, struct str *out)
{
	size_t n = strlen(text);
	if (n < 2 || text[0] != '\\' || text[1] != 'x')
		return err_set(ERR_PROTOCOL, "the database sent bytes in an unknown form");
	static const char digits[] = "0123456789abcdef";
	char *to = arena_text(mem, n / 2);
	for (size_t i = 2; i + 1 < n; i += 2) {
		const char *high = strchr(digits, text[i]), *low = strchr(digits, text[i + 1]);
		if (!high || !low)
			return err_set(ERR_PROTOCOL, "the database sent bytes in an unknown form");
		to[i / 2 - 1] = (char)((high - digits) << 4 | (low - digits));
	}
	*out = str_of(to, (n - 2) / 2);
	return 0;
}

static status decode(struct arena *mem, const PGresult *r, int row, int column, struct db_value *out)
{
	if (PQgetisnull(r, row, column)) {
		*out = db_null();
		return 0;
	}
	const char *text = PQgetvalue(r, row, column);
	struct str s = str_of(text, (size_t)PQgetlength(r, row, column));
	int64_t number;
	double real;
	switch (PQftype(r, column)) {
	case OID_BOOL:
		*out = db_int(text[0] == 't');
		return 0;
	case OID_NUMERIC: /* sum() of BIGINT is one: exact when it can be */
	case OID_INT8:
	case OID_INT4:
	case OID_INT2:
	case OID_OID:
		if (!str_to_i64(s, &number)) {
			*out = db_int(number);
			return 0;
		}
		/* fall through */
	case OID_FLOAT4:
	case OID_FLOAT8:
		if (str_to_double(s, &real))
			real = text[0] == 'N' ? NAN : text[0] == '-' ? -INFINITY : INFINITY;
		*out = db_float(real);
		return 0;
	case OID_BYTEA:
		out->type = DB_BLOB;
		return decode_bytes(mem, text, &out->text);
	default:
		*out = db_text(arena_str(mem, s));
		return 0;
	}
}

static status take_rows(struct arena *mem, const PGresult *r, struct db_rows **out)
{
	struct db_rows *rows = arena_new(mem, struct db_rows);
	rows->count = (size_t)PQntuples(r);
	rows->columns = (size_t)PQnfields(r);
	int64_t changed = 0;
	/* "SELECT 5" counts too, but changes nothing. */
	if (strncmp(PQcmdStatus((PGresult *)r), "SELECT", 6) != 0 &&
	    !str_to_i64(str_c(PQcmdTuples((PGresult *)r)), &changed))
		rows->changed = changed;
	if (PQresultMemorySize(r) > DB_RESULT_MAX)
		return err_set(ERR_TOO_LARGE, "the result is larger than %d MiB", DB_RESULT_MAX >> 20);
	rows->cells = arena_array(mem, struct db_value, size_mul(rows->count, rows->columns));
	for (size_t i = 0; i < rows->count; i++)
		for (size_t k = 0; k < rows->columns; k++)
			if (decode(mem, r, (int)i, (int)k, &rows->cells[i * rows->columns + k]))
				return -1;
	*out = rows;
	return 0;
}

/*
 * Takes the results of a pipeline. The first failure is kept aside, the rest is read, so that the
 * connection is in order after the sync; -1 from these functions means that it is not.
 */
struct reader {
	struct pg_conn *c;
	struct arena *mem;
	struct err *failure;
};

static void keep_failure(struct reader *rd)
{
	if (rd->failure)
		return;
	rd->failure = arena_new(rd->mem, struct err);
	err_save(rd->failure);
}

/* One command: exactly one result, then NULL. rows NULL: not wanted. */
static status read_command(struct reader *rd, struct db_rows **rows, bool *ok)
{
	PGresult *r, *end;
	*ok = false;
	if (pg_result(rd->c, &r))
		return -1;
	if (!r) {
		PQclear(r);
		return pg_lost(rd->c);
	}
	ExecStatusType what = PQresultStatus(r);
	if (what == PGRES_COMMAND_OK || what == PGRES_TUPLES_OK)
		*ok = true;
	else if (what != PGRES_PIPELINE_ABORTED && !rd->failure) {
		pg_error(rd->c, r);
		keep_failure(rd);
	}
	if (*ok && rows && take_rows(rd->mem, r, rows)) {
		*ok = false;
		keep_failure(rd);
	}
	PQclear(r);
	if (pg_result(rd->c, &end))
		return -1;
	if (end) {
		PQclear(end);
		return pg_lost(rd->c);
	}
	return 0;
}

static status read_sync(struct reader *rd)
{
	PGresult *r;
	if (pg_result(rd->c, &r))
		return -1;
	bool ok = r && PQresultStatus(r) == PGRES_PIPELINE_SYNC;
	PQclear(r);
	if (ok)
		rd->c->unknown = false;
	return ok ? 0 : pg_lost(rd->c);
}

static status read_item(struct reader *rd, const struct db_item *it, struct sent *s,
			struct db_rows **rows)
{
	bool ok;
	if (s->prepares) {
		if (read_command(rd, NULL, &ok))
			return -1;
		s->prepared = ok;
		if (ok)
			ptr_set(&rd->c->prepared, it->sql, (void *)s->number);
	}
	return read_command(rd, rows, &ok);
}

/* --- the three shapes --- */

static status failed(struct reader *rd)
{
	return err_restore(rd->failure);
}

status pg_run_one(struct pg_conn *c, struct arena *mem, const struct db_item *it,
		  struct db_rows **out)
{
	struct reader rd = { .c = c, .mem = mem };
	struct sent s = { 0 };
	if (send_item(c, mem, it, &s) || send_sync(c) || read_item(&rd, it, &s, out) || read_sync(&rd))
		return -1;
	return rd.failure ? failed(&rd) : 0;
}

static status end_with(struct reader *rd, const char *text)
{
	bool ok;
	return send_plain(rd->c, text) || send_sync(rd->c) || read_command(rd, NULL, &ok) ||
			       read_sync(rd) ?
		       -1 :
		       0;
}

static status send_batch(struct pg_conn *c, struct db_batch *b, struct sent *sent, bool commit)
{
	if (send_plain(c, "BEGIN"))
		return -1;
	for (size_t i = 0; i < b->items.len; i++) {
		if (send_item(c, b->mem, &b->items.at[i], &sent[i]))
			return -1;
		/* The same statement twice in one batch is prepared once. */
		if (sent[i].prepares)
			ptr_set(&c->prepared, b->items.at[i].sql, (void *)sent[i].number);
	}
	if (commit) {
		c->unknown = true;
		if (send_plain(c, "COMMIT"))
			return -1;
	}
	return send_sync(c);
}

static status read_batch(struct reader *rd, struct db_batch *b, struct sent *sent, bool commit)
{
	bool ok;
	if (read_command(rd, NULL, &ok))
		return -1;
	for (size_t i = 0; i < b->items.len; i++)
		if (read_item(rd, &b->items.at[i], &sent[i], &b->items.at[i].rows))
			return -1;
	if (commit && read_command(rd, NULL, &ok))
		return -1;
	return read_sync(rd);
}

/* What was not prepared after all must not be remembered. */
static void forget(struct pg_conn *c, struct db_batch *b, const struct sent *sent)
{
	for (size_t i = 0; i < b->items.len; i++)
		if (sent[i].prepares && !sent[i].prepared)
			ptr_set(&c->prepared, b->items.at[i].sql, NULL);
}

static void check_expected(struct reader *rd, struct db_batch *b)
{
	for (size_t i = 0; i < b->items.len && !rd->failure; i++)
		if (db_expect(&b->items.at[i], b->items.at[i].rows))
			keep_failure(rd);
}

status pg_run_batch(struct pg_conn *c, struct db_batch *b)
{
	bool look = false;
	for (size_t i = 0; i < b->items.len; i++)
		look |= b->items.at[i].expect != DB_ANY;
	c->unknown = false;
	if (b->items.len == 1 && !look) {
		c->unknown = true;
		return pg_run_one(c, b->mem, &b->items.at[0], &b->items.at[0].rows);
	}
	struct reader rd = { .c = c, .mem = b->mem };
	struct sent *sent = arena_array(b->mem, struct sent, b->items.len);
	if (send_batch(c, b, sent, !look) || read_batch(&rd, b, sent, !look))
		return -1;
	if (!rd.failure && look)
		check_expected(&rd, b);
	if (rd.failure) {
		/* Whatever happens to the roll-back, the first failure is what is told. */
		if (!c->broken && end_with(&rd, "ROLLBACK"))
			c->broken = true;
		forget(c, b, sent);
		return failed(&rd);
	}
	if (!look)
		return 0;
	c->unknown = true;
	if (end_with(&rd, "COMMIT"))
		return -1;
	return rd.failure ? failed(&rd) : 0;
}

status pg_prepare(struct pg_conn *c, const struct sql *sql)
{
	AUTO(arena) mem = { arena_open(0) };
	struct reader rd = { .c = c, .mem = mem.p };
	bool ok;
	/* The unnamed statement: this is a check, nothing is kept. */
	if (!PQsendPrepare(c->pq, "", sql->postgres, 0, NULL))
		return pg_lost(c);
	if (send_sync(c) || read_command(&rd, NULL, &ok) || read_sync(&rd))
		return -1;
	return rd.failure ? failed(&rd) : 0;
}
