/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox: programs of users, in a jail. Alone it takes the place of the sandbox container; under
 * `serve` it listens on run/sandbox.sock, asks for a key made from the secret, and gets out through
 * run/ssrf-proxy.sock only. A machine that cannot hold a jail keeps everything else running: the
 * role is then not ready and says why.
 */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/err.h"
#include "base/log.h"
#include "role/role.h"

enum { BODY_MAX = 10 << 20 };

static struct str listen_setting(struct role_process *r)
{
	return arena_printf(r->mem, "%.*s:%lld", STR(config_str(r->config, CONFIG_SANDBOX_BIND)),
			    (long long)config_int(r->config, CONFIG_SANDBOX_PORT));
}

static status find_self(struct role_process *r, struct str *out)
{
	char path[1024];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path));
	if (n <= 0 || n == sizeof(path))
		return err_errno("find my own path");
	*out = arena_str(r->mem, str_of(path, (size_t)n));
	return 0;
}

static status use_supervisor(struct role_process *r, struct sandbox_options *o)
{
	struct str secret;
	if (secret_load(r->mem, r->data_dir, r->config, &secret))
		return -1;
	o->key = sandbox_key(r->mem, secret, r->config);
	o->launcher.lazy = 1; /* who has no code in an app pays nothing for it */
	o->proxy = arena_printf(r->mem, "unix:%.*s/ssrf-proxy.sock", STR(r->run_dir));
	if (!config_is_set(r->config, CONFIG_WORKER_TIMEOUT))
		o->worker_timeout_s = config_int(r->config, CONFIG_SANDBOX_WORKER_TIMEOUT);
	return 0;
}

static void warn_alone(const struct sandbox_options *o)
{
	if (str_eq(o->key, S("dify-sandbox")))
		log_warn("the key is the one that everybody knows: set API_KEY here and "
			 "CODE_EXECUTION_API_KEY where it is called from");
	if (o->network && !o->proxy.len)
		log_warn("HTTP_PROXY is not set: programs reach no network");
}

static status sandbox_role_open(struct role_process *r)
{
	struct sandbox_options *o = arena_new(r->mem, struct sandbox_options);
	struct sandbox *s;
	if (sandbox_settings(r->mem, r->config, o) || find_self(r, &o->self))
		return -1;
	o->work_dir = arena_printf(r->mem, "%.*s/sandbox", STR(r->data_dir));
	if (r->supervised && use_supervisor(r, o))
		return -1;
	/* To pass it over in silence would send programs another way than was asked for. */
	if (!r->supervised && o->socks5.len)
		return err_set(ERR_INVALID, "SOCKS5_PROXY: programs reach an HTTP proxy only. Leave it empty and set "
					    "HTTP_PROXY=http://host:port, for example to `tatara ssrf-proxy`, which may have a "
					    "parent proxy (SSRF_PROXY_UPSTREAM)");
	if (!r->supervised)
		warn_alone(o);
	if (sandbox_open(o, &s))
		return -1;
	r->state = s;
	return 0;
}

static status sandbox_role_handle(struct http *h, void *ctx)
{
	struct role_process *r = ctx;
	return sandbox_handle(h, r->state);
}

static status sandbox_role_fail(struct http *h, void *ctx)
{
	(void)ctx;
	return sandbox_fail(h);
}

static status sandbox_role_ready(struct role_process *r)
{
	return sandbox_ready(r->state);
}

static void sandbox_role_metrics(struct role_process *r, struct buf *b)
{
	sandbox_metrics(r->state, b);
}

static void sandbox_role_drain(struct role_process *r, deadline until)
{
	sandbox_drain(r->state, until);
}

static void sandbox_role_close(struct role_process *r)
{
	sandbox_close(r->state);
}

const struct role_type role_sandbox = {
	.name = "sandbox",
	.help = "programs of users in a jail: Python, JavaScript, templates",
	.replaces = "sandbox",
	.listen = "0.0.0.0:8194",
	.listen_setting = listen_setting,
	.open = sandbox_role_open,
	.handle = sandbox_role_handle,
	.fail = sandbox_role_fail,
	.ready = sandbox_role_ready,
	.metrics = sandbox_role_metrics,
	.drain = sandbox_role_drain,
	.close = sandbox_role_close,
	.body_limit = BODY_MAX,
	.own_health = true,
	.optional = true,
};
