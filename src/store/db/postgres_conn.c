/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_conn: a libpq connection driven by fd_wait: opening, flushing, results, errors. One
 * fiber uses a connection at a time. A wait that fails leaves the protocol in the middle, so it
 * marks the connection broken.
 */
#include "store/db/postgres_int.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"

DEFINE_AUTO(PQconninfo, PQconninfoOption, PQconninfoFree)

/* --- names --- */

struct resolve_job {
	atomic_int refs; /* the fiber's and the pool's: the wait may end early */
	char *host;
	char address[INET6_ADDRSTRLEN];
};

static void resolve_unref(void *arg)
{
	struct resolve_job *j = arg;
	if (atomic_fetch_sub(&j->refs, 1) > 1)
		return;
	free(j->host);
	free(j);
}
DEFINE_AUTO(resolve, struct resolve_job, resolve_unref)

static status resolve_run(void *arg)
{
	struct resolve_job *j = arg;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG }, *found;
	int rc = getaddrinfo(j->host, NULL, &hints, &found);
	if (rc) {
		err_set(ERR_UNAVAILABLE, "the database server's name cannot be resolved");
		err_detail("%s: %s", j->host, gai_strerror(rc));
		return -1;
	}
	rc = getnameinfo(found->ai_addr, found->ai_addrlen, j->address, sizeof(j->address), NULL, 0,
			 NI_NUMERICHOST);
	freeaddrinfo(found);
	return rc ? err_set(ERR_UNAVAILABLE, "the database server has no usable address") : 0;
}

static bool is_address(const char *host)
{
	unsigned char bytes[16];
	return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static status resolve_one(struct buf *out, struct str host, struct arena *mem)
{
	const char *name = arena_cstr(mem, host);
	if (!host.len || host.at[0] == '/' || host.at[0] == '@')
		return 0; /* a unix socket: its place in the list stays empty */
	if (is_address(name)) {
		buf_put(out, host);
		return 0;
	}
	AUTO(resolve) j = { calloc(1, sizeof(struct resolve_job)) };
	ASSERT(j.p);
	atomic_init(&j.p->refs, 2);
	j.p->host = strdup(name);
	ASSERT(j.p->host);
	if (pool_run(resolve_run, j.p, resolve_unref))
		return -1;
	resolve_unref(j.p); /* the pool's, after a success */
	buf_put(out, str_c(j.p->address));
	return 0;
}

/* "a,b" becomes "10.0.0.1,10.0.0.2"; NULL when there is nothing to resolve. */
static status resolve_all(struct arena *mem, const PQconninfoOption *options, const char **out)
{
	const char *hosts = NULL, *given = NULL;
	for (const PQconninfoOption *o = options; o->keyword; o++) {
		if (strcmp(o->keyword, "host") == 0)
			hosts = o->val;
		else if (strcmp(o->keyword, "hostaddr") == 0)
			given = o->val;
	}
	*out = NULL;
	if (!hosts || !*hosts || (given && *given))
		return 0;
	struct buf b = buf_make(mem, 4096);
	struct str rest = str_c(hosts);
	for (bool first = true; rest.at; first = false) {
		if (!first)
			buf_putc(&b, ',');
		if (resolve_one(&b, str_trim(str_cut(&rest, ',')), mem))
			return -1;
	}
	*out = arena_cstr(mem, buf_str(&b));
	return buf_done(&b);
}

/* --- opening --- */

static void quiet(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

static status refused(struct pg_conn *c)
{
	err_set(ERR_UNAVAILABLE, "the database server cannot be reached");
	err_detail("%s", PQerrorMessage(c->pq));
	return -1;
}

static status connect_poll(struct pg_conn *c)
{
	int what = WAIT_WRITE;
	for (;;) {
		int fd = PQsocket(c->pq);
		if (fd < 0)
			return refused(c);
		status rc = fd_wait(fd, what, deadline_current());
		/* libpq may close it and try another address with the same number. */
		fd_forget(fd);
		if (rc)
			return err_code() == ERR_TIMEOUT ?
				       err_set(ERR_UNAVAILABLE, "the database server does not answer") :
				       -1;
		switch (PQconnectPoll(c->pq)) {
		case PGRES_POLLING_OK:
			c->fd = PQsocket(c->pq);
			return 0;
		case PGRES_POLLING_READING:
			what = WAIT_READ;
			break;
		case PGRES_POLLING_WRITING:
			what = WAIT_WRITE;
			break;
		default:
			return refused(c);
		}
	}
}

static status start(struct pg_conn *c, struct str conninfo)
{
	AUTO(arena) mem = { arena_open(0) };
	const char *text = arena_cstr(mem.p, conninfo);
	char *problem = NULL;
	AUTO(PQconninfo) options = { PQconninfoParse(text, &problem) };
	if (!options.p) {
		err_set(ERR_INVALID, "the database settings are not valid");
		err_detail("%s", problem ? problem : "no memory");
		PQfreemem(problem);
		return -1;
	}
	const char *addresses;
	if (resolve_all(mem.p, options.p, &addresses))
		return -1;
	/* Later ones win; dbname is expanded to what the user wrote. */
	const char *names[] = { "application_name", "dbname", "client_encoding", "hostaddr", NULL };
	const char *values[] = { "tatara", text, "UTF8", addresses, NULL };
	c->pq = PQconnectStartParams(names, values, 1);
	ASSERT(c->pq);
	PQsetNoticeProcessor(c->pq, quiet, NULL);
	if (PQstatus(c->pq) == CONNECTION_BAD)
		return refused(c);
	return connect_poll(c);
}

static status set_session(struct pg_conn *c, int64_t timeout_ms)
{
	AUTO(arena) mem = { arena_open(0) };
	struct str text = arena_printf(mem.p,
				       "SET statement_timeout = %lld; SET client_min_messages = warning;"
				       "SET standard_conforming_strings = on; SET bytea_output = hex;"
				       "SET idle_in_transaction_session_timeout = 60000",
				       (long long)timeout_ms);
	return pg_script(c, text.at);
}

status pg_connect(struct str conninfo, int64_t timeout_ms, struct pg_conn **out)
{
	struct pg_conn *c = calloc(1, sizeof(*c));
	ASSERT(c);
	list_init(&c->link);
	c->fd = -1;
	deadline saved = deadline_push(deadline_in_ms(PG_CONNECT_MS));
	status rc = start(c, conninfo);
	if (!rc && PQsetnonblocking(c->pq, 1))
		rc = refused(c);
	if (!rc)
		rc = set_session(c, timeout_ms);
	deadline_pop(saved);
	if (!rc && !PQenterPipelineMode(c->pq))
		rc = refused(c);
	if (rc) {
		pg_close(c);
		return -1;
	}
	*out = c;
	return 0;
}

void pg_close(struct pg_conn *c)
{
	if (c->fd >= 0)
		fd_forget(c->fd);
	PQfinish(c->pq);
	ptr_free(&c->prepared);
	free(c);
}

bool pg_alive(struct pg_conn *c)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	if (poll(&p, 1, 0) <= 0)
		return true;
	/* An idle connection has nothing to say but good-bye (or a notice). */
	return PQconsumeInput(c->pq) && PQstatus(c->pq) == CONNECTION_OK && !(p.revents & POLLHUP);
}

/* --- input and output --- */

status pg_lost(struct pg_conn *c)
{
	c->broken = true;
	err_set(ERR_UNAVAILABLE, "the connection to the database was lost");
	err_detail("%s%s", PQerrorMessage(c->pq), c->unknown ? "; outcome unknown" : "; not applied");
	return -1;
}

static status wait_for(struct pg_conn *c, int what)
{
	if (!fd_wait(c->fd, what, deadline_current()))
		return 0;
	c->broken = true;
	if (c->unknown)
		err_detail("outcome unknown");
	return -1;
}

status pg_flush(struct pg_conn *c)
{
	for (;;) {
		int left = PQflush(c->pq);
		if (left == 0)
			return 0;
		if (left < 0 || wait_for(c, WAIT_READ | WAIT_WRITE))
			return left < 0 ? pg_lost(c) : -1;
		struct pollfd p = { .fd = c->fd, .events = POLLIN };
		if (poll(&p, 1, 0) > 0 && !PQconsumeInput(c->pq))
			return pg_lost(c);
	}
}

status pg_result(struct pg_conn *c, PGresult **out)
{
	while (PQisBusy(c->pq)) {
		if (wait_for(c, WAIT_READ))
			return -1;
		if (!PQconsumeInput(c->pq))
			return pg_lost(c);
	}
	*out = PQgetResult(c->pq);
	if (PQstatus(c->pq) == CONNECTION_BAD) {
		PQclear(*out);
		return pg_lost(c);
	}
	return 0;
}

/* --- errors --- */

/* The longest prefix of the SQLSTATE wins. */
static const struct {
	const char *state;
	enum err_code code;
	const char *text; /* NULL: the server's own */
	bool broken, stale;
} states[] = {
	{ "23505", ERR_CONFLICT, NULL, false, false },
	{ "23503", ERR_CONFLICT, NULL, false, false },
	{ "40001", ERR_BUSY, "the database was too busy with the same records", false, false },
	{ "40P01", ERR_BUSY, "the database was too busy with the same records", false, false },
	{ "53100", ERR_FULL, "the disk of the database is full", false, false },
	{ "53", ERR_UNAVAILABLE, "the database server has no room for the query", false, false },
	{ "57014", ERR_TIMEOUT, "the query took too long", false, false },
	{ "57P", ERR_UNAVAILABLE, "the database server is shutting down", true, false },
	{ "25P03", ERR_UNAVAILABLE, "the database server closed the connection", true, false },
	{ "25006", ERR_UNAVAILABLE, "the database server is read-only", true, false },
	{ "08", ERR_UNAVAILABLE, "the connection to the database was lost", true, false },
	{ "0A000", ERR_INTERNAL, "the database failed", true, true },
	{ "26000", ERR_INTERNAL, "the database failed", true, true },
	{ "42P05", ERR_INTERNAL, "the database failed", true, true },
	{ "22", ERR_INVALID, "the database cannot store this value", false, false },
	{ "54", ERR_TOO_LARGE, "the text is too large for the database", false, false },
	{ "58", ERR_IO, "the database failed", false, false },
};

status pg_error(struct pg_conn *c, const PGresult *r)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	if (!state)
		return pg_lost(c);
	for (size_t i = 0; i < countof(states); i++) {
		if (!str_starts(str_c(state), str_c(states[i].state)))
			continue;
		c->broken |= states[i].broken;
		c->stale |= states[i].stale;
		err_set(states[i].code, "%s", states[i].text ? states[i].text : message);
		err_detail("SQLSTATE %s: %s", state, message);
		return -1;
	}
	err_set(ERR_INTERNAL, "the database failed");
	err_detail("SQLSTATE %s: %s", state, message);
	return -1;
}

/* --- simple protocol --- */

static status script_results(struct pg_conn *c)
{
	status rc = 0;
	for (;;) {
		PGresult *r;
		if (pg_result(c, &r))
			return -1;
		if (!r)
			return rc;
		ExecStatusType what = PQresultStatus(r);
		if (!rc && what != PGRES_COMMAND_OK && what != PGRES_TUPLES_OK &&
		    what != PGRES_EMPTY_QUERY)
			rc = pg_error(c, r);
		PQclear(r);
	}
}

status pg_script(struct pg_conn *c, const char *text)
{
	bool piped = PQpipelineStatus(c->pq) != PQ_PIPELINE_OFF;
	if (piped && !PQexitPipelineMode(c->pq))
		return pg_lost(c);
	if (!PQsendQuery(c->pq, text) || pg_flush(c))
		return c->broken ? -1 : pg_lost(c);
	status rc = script_results(c);
	if (piped && !c->broken && !PQenterPipelineMode(c->pq))
		return pg_lost(c);
	return rc;
}
