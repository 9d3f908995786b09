/* SPDX-License-Identifier: Apache-2.0 */
#include "role/serve.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/config.h"
#include "base/crypt.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/vec.h"
#include "net/client.h"
#include "os/os.h"
#include "role/role.h"
#include "store/db/db.h"

enum {
	CHILDREN_MAX = 16,
	BACKOFF_FIRST_MS = 100,
	BACKOFF_MAX_MS = 10000,
	STEADY_MS = 30000, /* a role that lived so long starts with the first back-off again */
	READY_STEP_MS = 10,
	READY_MAX_MS = 30000,
	KILL_AFTER_MS = 5000, /* beyond the drain time */
};

/* rt_now counts nanoseconds. */
static const int64_t NS_PER_MS = 1000000;

enum child_state { CHILD_STARTING, CHILD_UP, CHILD_WAITING, CHILD_ENDED };

struct child {
	const struct role_type *type;
	struct serve *serve;
	int fds[2];	    /* listening sockets, kept over restarts; [1] of roles with a front */
	size_t fd_count;
	struct str socket;  /* path of its unix socket; empty for the gateway's own */
	struct proc *proc;
	enum child_state state;
	int restarts, last_code;
	int64_t started; /* rt_now: steps of the clock do not count */
};

struct serve {
	struct role_process role; /* settings, directories, and the loop's own HTTP server */
	struct client *client;
	struct child child[CHILDREN_MAX];
	size_t count;
	struct str listen, public_url, self;
	struct str env_file;
	bool stopping;
	serve_started started;
};

/* --- children --- */

static status spawn(struct child *c)
{
	struct serve *s = c->serve;
	struct arena *mem = arena_open(0);
	VEC(const char *) argv = { 0 };
	const char *const fixed[] = { arena_cstr(mem, s->self), c->type->name, "--supervised",
				      "--listen", "fd:3", "--data",
				      arena_cstr(mem, s->role.data_dir) };
	for (size_t i = 0; i < countof(fixed); i++)
		vec_push(mem, &argv, fixed[i]);
	if (c->fd_count > 1) {
		vec_push(mem, &argv, "--front");
		vec_push(mem, &argv, "fd:4");
	}
	if (s->env_file.len) {
		vec_push(mem, &argv, "--env-file");
		vec_push(mem, &argv, arena_cstr(mem, s->env_file));
	}
	vec_push(mem, &argv, NULL);
	struct proc_options o = {
		.argv = argv.at,
		.stdin_fd = -1,
		.stdout_fd = STDOUT_FILENO,
		.stderr_fd = STDERR_FILENO,
		.keep_fds = c->fds,
		.keep_count = c->fd_count,
	};
	c->started = rt_now();
	status r = proc_spawn(&o, &c->proc);
	arena_close(mem);
	if (!r)
		c->state = CHILD_STARTING;
	return r;
}

/* One child for the life of the server: start, wait, start again. */
static status keep_running(void *arg)
{
	struct child *c = arg;
	int64_t pause = BACKOFF_FIRST_MS;
	while (!c->serve->stopping) {
		if (spawn(c)) {
			log_err(LOG_ERROR, "cannot start %s", c->type->name);
		} else {
			if (proc_wait(c->proc, DEADLINE_NONE, &c->last_code))
				return -1;
			proc_close(take(c->proc));
		}
		if (c->serve->stopping)
			break;
		if (rt_now() - c->started > STEADY_MS * NS_PER_MS)
			pause = BACKOFF_FIRST_MS;
		c->state = CHILD_WAITING;
		c->restarts++;
		log_warn("%s ended with code %d; starting it again in %lld ms", c->type->name,
			 c->last_code, (long long)pause);
		if (fiber_sleep_ms(pause))
			return -1;
		pause = MIN(pause * 2, (int64_t)BACKOFF_MAX_MS);
	}
	c->state = CHILD_ENDED;
	return 0;
}

static status open_socket(struct serve *s, const char *name, struct str *path, int *fd)
{
	*path = arena_printf(s->role.mem, "%.*s/%s.sock", STR(s->role.run_dir), name);
	if (listen_open(arena_printf(s->role.mem, "unix:%.*s", STR(*path)), fd))
		return err_wrap("listen on %.*s", STR(*path));
	return 0;
}

static status open_sockets(struct serve *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct child *c = &s->child[i];
		const struct role_type *t = c->type;
		struct str front;
		c->fd_count = t->front ? 2 : 1;
		if (strcmp(t->name, "gateway") == 0) {
			if (listen_open(s->listen, &c->fds[0]))
				return err_wrap("listen on %.*s", STR(s->listen));
			s->public_url = arena_printf(s->role.mem, "http://%.*s",
						     STR(listen_name(s->role.mem, c->fds[0])));
		} else if (open_socket(s, t->socket ? t->socket : t->name, &c->socket, &c->fds[0])) {
			return -1;
		}
		if (t->front && open_socket(s, t->front, &front, &c->fds[1]))
			return -1;
	}
	return 0;
}

/* --- answers for all --- */

static const char *state_name(enum child_state s)
{
	static const char *const names[] = { "starting", "up", "waiting", "ended" };
	return names[s];
}

/* Asks the role itself; the gateway, whose socket is public, counts by its process. */
static bool child_ready(struct serve *s, struct arena *mem, struct child *c, struct str *why)
{
	int code = 0;
	*why = S("not started");
	if (!c->proc)
		return false;
	if (!c->socket.len) {
		c->state = CHILD_UP;
		return true;
	}
	if (fetch_local(s->client, mem, c->socket, S("/ready"), &code, why)) {
		*why = err_text();
		return false;
	}
	*why = str_trim(*why);
	if (code == 200)
		c->state = CHILD_UP;
	return code == 200;
}

static status answer_ready(struct http *h, struct serve *s)
{
	bool all = !s->stopping;
	struct json *roles = json_obj(h->mem);
	for (size_t i = 0; i < s->count; i++) {
		struct str why;
		bool ok = child_ready(s, h->mem, &s->child[i], &why);
		json_set_str(h->mem, roles, str_c(s->child[i].type->name),
			     ok ? S("ready") : arena_str(h->mem, why));
		all = all && (ok || s->child[i].type->optional);
	}
	struct json *body = json_obj(h->mem);
	json_set_str(h->mem, body, S("status"), all ? S("ready") : S("not ready"));
	json_set(h->mem, body, S("roles"), roles);
	return http_reply(h, all ? 200 : 503, S("application/json"),
			  json_text(h->mem, body, JSON_COMPACT));
}

static status answer_health(struct http *h, struct serve *s)
{
	struct json *roles = json_obj(h->mem);
	for (size_t i = 0; i < s->count; i++) {
		struct child *c = &s->child[i];
		struct str why;
		/* An optional role is not waited for at the start: whoever asks next finds it up. */
		if (c->state == CHILD_STARTING)
			(void)child_ready(s, h->mem, c, &why);
		struct json *one = json_set(h->mem, roles, str_c(c->type->name), json_obj(h->mem));
		json_set_str(h->mem, one, S("state"), str_c(state_name(c->state)));
		json_set_int(h->mem, one, S("pid"), c->proc ? proc_pid(c->proc) : 0);
		json_set_int(h->mem, one, S("restarts"), c->restarts);
		json_set_int(h->mem, one, S("uptime_s"), (rt_now() - c->started) / (1000 * NS_PER_MS));
	}
	struct json *body = json_obj(h->mem);
	json_set_int(h->mem, body, S("pid"), getpid());
	json_set_str(h->mem, body, S("status"), S("ok"));
	json_set_str(h->mem, body, S("version"), S(TATARA_VERSION));
	json_set(h->mem, body, S("roles"), roles);
	return http_reply(h, 200, S("application/json"), json_text(h->mem, body, JSON_COMPACT));
}

/* "# HELP" lines of several processes repeat: allowed once a name, so only the first keeps them. */
static void add_metrics(struct buf *b, struct str text, bool first)
{
	while (text.len) {
		struct str line = str_cut(&text, '\n');
		if (!first && str_starts(line, S("#")))
			continue;
		buf_put(b, line);
		buf_putc(b, '\n');
	}
}

static status answer_metrics(struct http *h, struct serve *s)
{
	struct buf b = buf_make(h->mem, 4 << 20);
	metrics_write(&s->role, &b);
	for (size_t i = 0; i < s->count; i++) {
		struct child *c = &s->child[i];
		int code;
		struct str text;
		buf_printf(&b, "tatara_role_up{role=\"%s\"} %d\ntatara_role_restarts_total{role=\"%s\"} %d\n",
			   c->type->name, c->proc != NULL, c->type->name, c->restarts);
		if (c->socket.len &&
		    !fetch_local(s->client, h->mem, c->socket, S("/metrics"), &code, &text))
			add_metrics(&b, text, false);
	}
	return http_reply(h, 200, S("text/plain; version=0.0.4; charset=utf-8"), buf_str(&b));
}

static status answer(struct http *h, void *ctx)
{
	struct serve *s = ctx;
	if (str_eq(h->path, S("/health")))
		return answer_health(h, s);
	if (str_eq(h->path, S("/ready")))
		return answer_ready(h, s);
	if (str_eq(h->path, S("/metrics")))
		return answer_metrics(h, s);
	return err_set(ERR_NOT_FOUND, "the supervisor serves /health, /ready and /metrics");
}

static status open_own_server(struct serve *s)
{
	int fd;
	struct str path = arena_printf(s->role.mem, "unix:%.*s/serve.sock", STR(s->role.run_dir));
	struct http_options o = { .handler = answer, .ctx = s, .body_limit = 1 << 16 };
	struct client_options c = { 0 };
	if (client_open(&c, &s->client) || listen_open(path, &fd))
		return -1;
	return http_serve(&o, &fd, 1, &s->role.server);
}

/* --- start and end --- */

static status migrate(struct serve *s)
{
	struct db_options o;
	struct db *db;
	struct migrate_report report;
	if (database_settings(s->role.mem, s->role.config, s->role.data_dir, &o) || db_open(&o, &db))
		return -1;
	bool plan = !config_bool(s->role.config, CONFIG_MIGRATION_ENABLED);
	status r = db_migrate(db, plan, &report);
	if (!r && plan && report.pending)
		r = err_set(ERR_UNAVAILABLE, "The database needs %d migrations and "
					     "MIGRATION_ENABLED is false: run `tatara migrate`.",
			    report.pending);
	struct err why;
	err_save(&why);
	db_close(db);
	if (r)
		return err_restore(&why);
	if (report.to != report.from)
		log_info("database migrated from %d to %d", report.from, report.to);
	return 0;
}

static status wait_ready(struct serve *s)
{
	deadline until = deadline_in_ms(READY_MAX_MS);
	for (size_t i = 0; i < s->count && rt_now() < until;) {
		AUTO(arena) mem = { arena_open(0) };
		struct str why;
		if (s->child[i].type->optional || child_ready(s, mem.p, &s->child[i], &why))
			i++;
		else if (fiber_sleep_ms(READY_STEP_MS))
			return -1;
	}
	return 0;
}

static status announce(void *arg)
{
	struct serve *s = arg;
	int64_t began = rt_now();
	if (wait_ready(s))
		return -1;
	log_info("ready on %.*s after %lld ms", STR(s->public_url), (long long)((rt_now() - began) / NS_PER_MS));
	if (s->started && s->started(&s->role, s->public_url))
		log_err(LOG_WARN, "welcome");
	return 0;
}

/* The gateway first, so that nothing new comes in; then the rest together. */
static void stop_children(struct serve *s)
{
	s->stopping = true;
	for (size_t i = s->count; i-- > 0;) {
		struct child *c = &s->child[i];
		if (!c->proc)
			continue;
		proc_kill(c->proc, SIGTERM);
	}
}

static status await_children(struct serve *s)
{
	int64_t ms = config_int(s->role.config, CONFIG_TATARA_DRAIN_SECONDS) * 1000 + KILL_AFTER_MS;
	deadline until = deadline_in_ms(ms);
	for (size_t i = 0; i < s->count; i++)
		while (s->child[i].proc && rt_now() < until)
			if (fiber_sleep_ms(READY_STEP_MS))
				return -1;
	for (size_t i = 0; i < s->count; i++)
		if (s->child[i].proc)
			proc_kill(s->child[i].proc, SIGKILL);
	return 0;
}

static status start(struct serve *s)
{
	if (migrate(s) || open_sockets(s) || open_own_server(s))
		return -1;
	for (size_t i = 0; i < s->count; i++)
		if (fiber_background(s->child[i].type->name, keep_running, &s->child[i]))
			return -1;
	return fiber_background("announce", announce, s);
}

static status serve_main(void *arg)
{
	struct serve *s = arg;
	int sig;
	if (start(s)) {
		fprintf(stderr, "tatara serve: %.*s\n", STR(err_text()));
		return -1;
	}
	if (signal_wait(&sig, DEADLINE_NONE))
		return -1;
	log_info("signal %d: stopping", sig);
	stop_children(s);
	(void)await_children(s);
	http_server_drain(s->role.server, deadline_in_ms(100));
	http_server_close(s->role.server);
	client_close(s->client);
	return 0;
}

static status read_options(struct serve *s, int argc, char **argv, struct str *data)
{
	for (int i = 0; i < argc; i += 2) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";
		if (!strcmp(argv[i], "--data"))
			*data = str_c(value);
		else if (!strcmp(argv[i], "--listen"))
			s->listen = str_c(value);
		else if (!strcmp(argv[i], "--env-file"))
			s->env_file = str_c(value);
		else
			return err_set(ERR_INVALID, "unknown option %s; see `tatara serve --help`",
				       argv[i]);
	}
	return 0;
}

static status find_self(struct serve *s)
{
	char path[1024];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path));
	if (n <= 0 || n == sizeof(path))
		return err_errno("find my own path");
	s->self = arena_str(s->role.mem, str_of(path, (size_t)n));
	return 0;
}

static status prepare(struct serve *s, int argc, char **argv)
{
	struct role_process *r = &s->role;
	struct str data = { 0 }, secret;
	if (read_options(s, argc, argv, &data) || find_self(s) ||
	    data_dir_open(r->mem, data, &r->data_dir) || data_dir_lock(r->mem, r->data_dir) ||
	    settings_load(r->mem, r->data_dir, s->env_file, &r->config) ||
	    secret_load(r->mem, r->data_dir, r->config, &secret))
		return -1;
	r->run_dir = arena_printf(r->mem, "%.*s/run", STR(r->data_dir));
	if (!s->listen.len)
		s->listen = config_str(r->config, CONFIG_TATARA_LISTEN);
	for (size_t i = 0; i < role_types_len; i++)
		s->child[s->count++] = (struct child){ .type = role_types[i], .serve = s };
	return 0;
}

int serve_run(int argc, char **argv, serve_started started)
{
	static const int signals[] = { SIGTERM, SIGINT };
	static const struct role_type self_type = { .name = "serve" };
	AUTO(arena) mem = { arena_open(64 << 10) };
	struct serve *s = arena_new(mem.p, struct serve);
	s->role = (struct role_process){ .type = &self_type, .mem = mem.p };
	s->started = started;
	crypt_init();
	signal(SIGPIPE, SIG_IGN);
	signals_hold(signals, countof(signals));
	if (prepare(s, argc, argv)) {
		fprintf(stderr, "tatara serve: %.*s\n", STR(err_text()));
		return 1;
	}
	struct str form = config_str(s->role.config, CONFIG_TATARA_LOG_FORMAT);
	log_setup(LOG_INFO, str_eq(form, S("json")) || (!str_eq(form, S("text")) && !isatty(2)),
		  "serve");
	struct rt_options o = { .pool_threads = 1, .watcher = &os_watcher };
	return rt_run(&o, serve_main, s) ? 1 : 0;
}
