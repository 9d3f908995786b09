/* SPDX-License-Identifier: Apache-2.0 */
/* role: the life that every role has. */
#include "role/role.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/config.h"
#include "base/crypt.h"
#include "base/err.h"
#include "base/log.h"
#include "os/os.h"
#include "store/db/db.h"

enum {
	FD_LIMIT = 262144,
	TRIM_EVERY_MS = 5000,
	TRIM_FIBERS = 200, /* so many have ended since the last peak */
};

const struct role_type *role_find(struct str name)
{
	for (size_t i = 0; i < role_types_len; i++)
		if (str_eq(str_c(role_types[i]->name), name))
			return role_types[i];
	return NULL;
}

/* --- /health, /ready, /metrics: the same for all --- */

static status answer_text(struct http *h, int code, struct str text)
{
	return http_reply(h, code, S("text/plain; charset=utf-8"), text);
}

static status answer_ready(struct http *h, struct role_process *r)
{
	if (r->draining)
		return answer_text(h, 503, S("draining\n"));
	if (r->type->ready && r->type->ready(r))
		return answer_text(h, 503,
				   arena_printf(h->mem, "not ready: %.*s\n", STR(err_text())));
	return answer_text(h, 200, S("ready\n"));
}

static status answer_health(struct http *h, struct role_process *r)
{
	return http_reply(h, 200, S("application/json"),
			  arena_printf(h->mem,
				       "{\"pid\":%d,\"status\":\"ok\",\"version\":\"%s\",\"role\":\"%s\"}",
				       (int)getpid(), TATARA_VERSION, r->type->name));
}

static status answer_metrics(struct http *h, struct role_process *r)
{
	struct buf b = buf_make(h->mem, 1 << 20);
	metrics_write(r, &b);
	return http_reply(h, 200, S("text/plain; version=0.0.4; charset=utf-8"), buf_str(&b));
}

static bool is_local(struct str peer)
{
	return str_eq(peer, S("unix")) || str_starts(peer, S("127.")) || str_eq(peer, S("::1"));
}

static status handle(struct http *h, void *ctx)
{
	struct role_process *r = ctx;
	bool supervisor_answers = r->type->handle && strcmp(r->type->name, "gateway") == 0 &&
				  r->supervised;
	bool here = !r->type->own_health || is_local(h->peer);
	if (!supervisor_answers && h->method == HTTP_GET && here) {
		if (str_eq(h->path, S("/health")) && !r->type->own_health)
			return answer_health(h, r);
		if (str_eq(h->path, S("/ready")))
			return answer_ready(h, r);
		if (str_eq(h->path, S("/metrics")))
			return answer_metrics(h, r);
	}
	if (r->type->handle)
		return r->type->handle(h, r);
	return answer_text(h, 404, S("this role serves /health, /ready and /metrics only\n"));
}

static status fail(struct http *h, void *ctx)
{
	struct role_process *r = ctx;
	if (r->type->fail)
		return r->type->fail(h, r);
	struct err e;
	err_save(&e);
	return answer_text(h, err_http(&e), arena_printf(h->mem, "%s\n", e.text));
}

/* --- start and end --- */

static status open_listeners(struct role_process *r, int *fds)
{
	for (size_t i = 0; i < r->listen_count; i++) {
		if (listen_open(r->listen[i], &fds[i]))
			return err_wrap("listen on %.*s", STR(r->listen[i]));
		log_info("listening on %.*s", STR(listen_name(r->mem, fds[i])));
	}
	return 0;
}

static status serve_http(struct role_process *r)
{
	int fds[countof(r->listen)];
	if (open_listeners(r, fds))
		return -1;
	uint64_t limit = (uint64_t)config_int(r->config, CONFIG_TATARA_HTTP_BODY_LIMIT_MB) << 20;
	struct http_options o = {
		.handler = handle,
		.on_error = fail,
		.ctx = r,
		.body_limit = r->type->body_limit ? r->type->body_limit : limit,
		.access_log = config_bool(r->config, CONFIG_ENABLE_REQUEST_LOGGING),
		.trust_forwarded = r->supervised && strcmp(r->type->name, "gateway") != 0,
	};
	return http_serve(&o, fds, r->listen_count, &r->server);
}

static status open_role(struct role_process *r)
{
	if (r->type->needs_services) {
		struct str name = arena_printf(r->mem, "%s-%d", r->type->name, (int)getpid());
		unsigned what = r->type->needs_flow ? SERVICES_FLOW : 0;
		if (r->supervised)
			what |= SERVICES_SUPERVISED;
		else if (config_bool(r->config, CONFIG_MIGRATION_ENABLED))
			what |= SERVICES_MIGRATE;
		if (services_open(&r->services, r->mem, r->config, r->data_dir, name, what))
			return -1;
	}
	return r->type->open ? r->type->open(r) : 0;
}

static void end_role(struct role_process *r)
{
	int64_t ms = config_int(r->config, CONFIG_TATARA_DRAIN_SECONDS) * 1000;
	deadline until = deadline_in_ms(ms);
	r->draining = true;
	log_info("draining for at most %lld s", (long long)(ms / 1000));
	/* Runs first: the connections that follow them end by themselves then. */
	if (r->type->drain)
		r->type->drain(r, until);
	if (r->server)
		http_server_drain(r->server, until);
}

static void close_role(struct role_process *r)
{
	if (r->server)
		http_server_close(r->server);
	if (r->type->close)
		r->type->close(r);
	if (r->type->needs_services)
		services_close(&r->services);
}

static status trim_heap(void *unused)
{
	(void)unused;
	(void)malloc_trim(0);
	return 0;
}

/* After a rush the allocator keeps what it took: give it back once many fibers have ended. */
static status trim_main(void *unused)
{
	(void)unused;
	for (size_t peak = 0; !fiber_sleep_ms(TRIM_EVERY_MS);) {
		struct rt_stats now;
		rt_stats_get(&now);
		peak = MAX(peak, now.fibers);
		if (now.fibers + TRIM_FIBERS > peak)
			continue;
		if (pool_call(trim_heap, NULL))
			return 0;
		peak = now.fibers;
	}
	return 0;
}

static status role_main(void *arg)
{
	struct role_process *r = arg;
	if (open_role(r) || serve_http(r) || (r->type->started && r->type->started(r)) ||
	    fiber_background("heap", trim_main, NULL)) {
		log_err(LOG_ERROR, "cannot start");
		close_role(r);
		return -1;
	}
	int sig = 0;
	status s = signal_wait(&sig, DEADLINE_NONE);
	log_info("signal %d", sig);
	end_role(r);
	close_role(r);
	return s;
}

/* Options of every role: --data DIR, --listen WHERE (repeatable), --env-file FILE, --supervised. */
static status read_options(struct role_process *r, int argc, char **argv, struct str *data,
			   struct str *env_file)
{
	const char **rest = arena_array(r->mem, const char *, (size_t)argc + 1);
	for (int i = 0; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;
		bool used = true;
		if (!strcmp(argv[i], "--supervised")) {
			r->supervised = true;
			continue;
		}
		if (!strcmp(argv[i], "--data") && value)
			*data = str_c(value);
		else if (!strcmp(argv[i], "--env-file") && value)
			*env_file = str_c(value);
		else if (!strcmp(argv[i], "--listen") && value && r->listen_count < countof(r->listen))
			r->listen[r->listen_count++] = str_c(value);
		else
			used = false;
		if (used)
			i++;
		else
			rest[r->arg_count++] = argv[i];
	}
	r->args = rest;
	return 0;
}

static void raise_fd_limit(void)
{
	struct rlimit l;
	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return;
	l.rlim_cur = MIN(l.rlim_max, (rlim_t)FD_LIMIT);
	setrlimit(RLIMIT_NOFILE, &l);
}

static enum log_level log_level_of(struct str name)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = { { "DEBUG", LOG_DEBUG }, { "INFO", LOG_INFO }, { "WARNING", LOG_WARN },
		       { "WARN", LOG_WARN }, { "ERROR", LOG_ERROR }, { "CRITICAL", LOG_ERROR } };
	for (size_t i = 0; i < countof(levels); i++)
		if (str_eq_nocase(name, str_c(levels[i].name)))
			return levels[i].level;
	return LOG_INFO;
}

/* A role that keeps nothing runs on a read-only disk too. */
static status open_data_dir(struct role_process *r, struct str given)
{
	if (r->type->stateless && !r->supervised && !given.len && !getenv("TATARA_DATA")) {
		r->data_dir = S(".");
		return 0;
	}
	return data_dir_open(r->mem, given, &r->data_dir);
}

static status prepare(struct role_process *r, int argc, char **argv)
{
	struct str data = { 0 }, env_file = { 0 };
	if (read_options(r, argc, argv, &data, &env_file) || open_data_dir(r, data) ||
	    settings_load(r->mem, r->data_dir, env_file, &r->config))
		return -1;
	r->run_dir = arena_printf(r->mem, "%.*s/run", STR(r->data_dir));
	struct str form = config_str(r->config, CONFIG_TATARA_LOG_FORMAT);
	bool json = str_eq(form, S("json")) || (!str_eq(form, S("text")) && !isatty(2));
	log_setup(log_level_of(config_str(r->config, CONFIG_LOG_LEVEL)), json, r->type->name);
	if (!r->listen_count && r->type->listen_setting)
		r->listen[r->listen_count++] = r->type->listen_setting(r);
	else if (!r->listen_count && r->type->listen)
		r->listen[r->listen_count++] = str_c(r->type->listen);
	return 0;
}

int role_run(const struct role_type *type, int argc, char **argv)
{
	static const int signals[] = { SIGTERM, SIGINT };
	AUTO(arena) mem = { arena_open(64 << 10) };
	struct role_process *r = arena_new(mem.p, struct role_process);
	*r = (struct role_process){ .type = type, .mem = mem.p };
	crypt_init();
	raise_fd_limit();
	signal(SIGPIPE, SIG_IGN);
	signals_hold(signals, countof(signals));
	if (prepare(r, argc, argv)) {
		fprintf(stderr, "tatara %s: %.*s\n", type->name, STR(err_text()));
		return 1;
	}
	/* A supervisor that is killed cannot stop its roles: the kernel tells them. */
	if (r->supervised)
		prctl(PR_SET_PDEATHSIG, SIGTERM);
	struct rt_options o = {
		.watcher = &os_watcher,
		.fibers_max = (size_t)config_int(r->config, CONFIG_TATARA_FIBERS_MAX),
	};
	return rt_run(&o, role_main, r) ? 1 : 0;
}
