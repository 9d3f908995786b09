/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options: settings of the sandbox from the environment and from the YAML file of the container that
 * it replaces. The environment wins. Start-up code, may block.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/config.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/yaml.h"
#include "sandbox/jail/filter.h"
#include "sandbox/probe.h"
#include "sandbox/sandbox.h"

enum { FILE_MAX = 1 << 20, INTERVAL_MAX_S = 366 * 86400 };

/* Names in the environment, in the order in which they count, and in the file. */
static const struct row {
	const char *file;
	enum config_key key[2]; /* the second is the compose file's name; CONFIG_COUNT = none */
} rows[] = {
	{ "app.port", { CONFIG_SANDBOX_PORT, CONFIG_COUNT } },
	{ "app.key", { CONFIG_API_KEY, CONFIG_SANDBOX_API_KEY } },
	{ "app.debug", { CONFIG_DEBUG, CONFIG_COUNT } },
	{ "max_workers", { CONFIG_MAX_WORKERS, CONFIG_COUNT } },
	{ "max_requests", { CONFIG_MAX_REQUESTS, CONFIG_COUNT } },
	{ "queue_timeout", { CONFIG_SANDBOX_QUEUE_TIMEOUT, CONFIG_COUNT } },
	{ "worker_timeout", { CONFIG_WORKER_TIMEOUT, CONFIG_SANDBOX_WORKER_TIMEOUT } },
	{ "enable_network", { CONFIG_ENABLE_NETWORK, CONFIG_SANDBOX_ENABLE_NETWORK } },
	{ "enable_preload", { CONFIG_ENABLE_PRELOAD, CONFIG_COUNT } },
	{ "proxy.http", { CONFIG_HTTP_PROXY, CONFIG_SANDBOX_HTTP_PROXY } },
	{ "proxy.https", { CONFIG_HTTPS_PROXY, CONFIG_SANDBOX_HTTPS_PROXY } },
	{ "proxy.socks5", { CONFIG_SOCKS5_PROXY, CONFIG_COUNT } },
	{ "python_path", { CONFIG_PYTHON_PATH, CONFIG_COUNT } },
	{ "nodejs_path", { CONFIG_NODEJS_PATH, CONFIG_COUNT } },
	{ "allowed_syscalls", { CONFIG_ALLOWED_SYSCALLS, CONFIG_COUNT } },
	{ "cgroup", { CONFIG_SANDBOX_CGROUP, CONFIG_COUNT } },
	{ "rootfs", { CONFIG_SANDBOX_ROOTFS, CONFIG_COUNT } },
	{ "isolation", { CONFIG_SANDBOX_ISOLATION, CONFIG_COUNT } },
	{ "require", { CONFIG_SANDBOX_REQUIRE, CONFIG_COUNT } },
	{ "memory_mb", { CONFIG_SANDBOX_MEMORY_MB, CONFIG_COUNT } },
	{ "cpu_seconds", { CONFIG_SANDBOX_CPU_SECONDS, CONFIG_COUNT } },
	{ "max_output", { CONFIG_SANDBOX_MAX_OUTPUT, CONFIG_COUNT } },
	{ "max_threads", { CONFIG_SANDBOX_MAX_THREADS, CONFIG_COUNT } },
	{ "max_connections", { CONFIG_SANDBOX_MAX_CONNECTIONS, CONFIG_COUNT } },
	{ "max_upload_mb", { CONFIG_SANDBOX_MAX_UPLOAD_MB, CONFIG_COUNT } },
	{ "max_download_mb", { CONFIG_SANDBOX_MAX_DOWNLOAD_MB, CONFIG_COUNT } },
	{ "scratch_mb", { CONFIG_SANDBOX_SCRATCH_MB, CONFIG_COUNT } },
	{ "allow_pip", { CONFIG_SANDBOX_ALLOW_PIP, CONFIG_COUNT } },
	{ "requirements", { CONFIG_SANDBOX_REQUIREMENTS, CONFIG_COUNT } },
	{ "pip_mirror_url", { CONFIG_PIP_MIRROR_URL, CONFIG_COUNT } },
	{ "python_deps_update_interval", { CONFIG_PYTHON_DEPS_UPDATE_INTERVAL, CONFIG_COUNT } },
	{ "pool_node", { CONFIG_SANDBOX_POOL_NODE, CONFIG_COUNT } },
	{ "uid_base", { CONFIG_SANDBOX_UID_BASE, CONFIG_COUNT } },
	{ "uid_count", { CONFIG_SANDBOX_UID_COUNT, CONFIG_COUNT } },
	{ "profile", { CONFIG_SANDBOX_PROFILE, CONFIG_COUNT } },
	{ "preload_modules", { CONFIG_SANDBOX_PRELOAD_MODULES, CONFIG_COUNT } },
};

struct source {
	struct arena *mem;
	const struct config *config;
	struct json *file; /* NULL = none */
};

/* --- the file --- */

static bool known(struct str path)
{
	for (size_t i = 0; i < countof(rows); i++)
		if (str_eq(path, str_c(rows[i].file)))
			return true;
	return false;
}

static void warn_unknown(struct arena *mem, const struct json *o, struct str above)
{
	json_each_member(o, m) {
		struct str path = above.len ? arena_printf(mem, "%.*s.%.*s", STR(above), STR(m->name)) : m->name;
		if (json_is(&m->value, JSON_OBJ) && !above.len)
			warn_unknown(mem, &m->value, path);
		else if (!known(path))
			log_warn("configuration file: nothing is known of %.*s", STR(path));
	}
}

static status read_text(struct arena *mem, struct str path, struct str *out)
{
	AUTO(fd) f = { open(arena_cstr(mem, path), O_RDONLY | O_CLOEXEC) };
	if (f.n < 0)
		return err_set(ERR_NOT_FOUND, "SANDBOX_CONFIG: cannot read %.*s", STR(path));
	char *at = arena_text(mem, FILE_MAX);
	ssize_t n = read(f.n, at, FILE_MAX);
	if (n < 0 || n == FILE_MAX)
		return err_set(ERR_TOO_LARGE, "%.*s is larger than %d bytes", STR(path), FILE_MAX);
	*out = str_of(at, (size_t)n);
	return 0;
}

static status parse_file(struct source *s, struct str text)
{
	if (!text.len)
		return 0;
	if (yaml_parse(s->mem, text, &s->file))
		return -1;
	if (s->file && s->file->type != JSON_OBJ)
		return err_set(ERR_INVALID, "must be a mapping");
	warn_unknown(s->mem, s->file, S(""));
	return 0;
}

/* --- one value --- */

static const struct row *row_of(const char *file)
{
	for (size_t i = 0; i < countof(rows); i++)
		if (!strcmp(rows[i].file, file))
			return &rows[i];
	return NULL;
}

static struct str value_text(struct source *s, const struct json *v)
{
	if (v->type == JSON_STR)
		return json_as_str(v, S(""));
	if (v->type != JSON_ARR)
		return json_text(s->mem, v, JSON_COMPACT);
	struct str out = S("");
	json_each(v, it)
		out = arena_printf(s->mem, "%.*s%s%.*s", STR(out), out.len ? "," : "", STR(value_text(s, it)));
	return out;
}

/* Environment, then file, then default. */
static struct str get(struct source *s, const char *file)
{
	const struct row *r = row_of(file);
	for (size_t i = 0; i < countof(r->key); i++)
		if (r->key[i] != CONFIG_COUNT && config_is_set(s->config, r->key[i]))
			return config_str(s->config, r->key[i]);
	struct json *v = s->file ? json_path(s->file, file) : NULL;
	if (v && v->type != JSON_NULL)
		return value_text(s, v);
	return config_str(s->config, r->key[0]);
}

static status get_int(struct source *s, const char *file, int64_t low, int64_t high, int64_t *out)
{
	struct str text = str_trim(get(s, file));
	int64_t n;
	if (str_to_i64(text, &n) || n < low || n > high)
		return err_set(ERR_INVALID, "%s: %.*s is no number from %lld to %lld", config_rows[row_of(file)->key[0]].name,
			       STR(text), (long long)low, (long long)high);
	*out = n;
	return 0;
}

static status get_u32(struct source *s, const char *file, int64_t low, int64_t high, uint32_t *out)
{
	int64_t n;
	if (get_int(s, file, low, high, &n))
		return -1;
	*out = (uint32_t)n;
	return 0;
}

static status get_bool(struct source *s, const char *file, bool *out)
{
	struct str text = str_trim(get(s, file));
	if (str_to_bool(text, out))
		return err_set(ERR_INVALID, "%s: %.*s is neither true nor false", config_rows[row_of(file)->key[0]].name,
			       STR(text));
	return 0;
}

static status get_path(struct source *s, const char *file, char out[WIRE_TEXT_MAX])
{
	struct str text = get(s, file);
	if (text.len >= WIRE_TEXT_MAX || memchr(text.at ? text.at : "", 0, text.len))
		return err_set(ERR_INVALID, "%s is too long", config_rows[row_of(file)->key[0]].name);
	snprintf(out, WIRE_TEXT_MAX, "%.*s", STR(text));
	return 0;
}

/* --- lists --- */

status sandbox_parse_syscalls(struct str text, uint16_t *out, uint32_t *len)
{
	uint32_t n = 0;
	while (text.len) {
		size_t end = 0;
		while (end < text.len && !memchr(", \t\r\n", text.at[end], 5))
			end++;
		struct str one = str_sub(text, 0, end);
		text = str_skip(text, end + 1);
		if (!one.len)
			continue;
		int64_t number;
		const struct filter_row *r = filter_find_name(one.at, one.len);
		if (r)
			number = r->number;
		else if (str_to_i64(one, &number) || number < 0 || number >= FILTER_NUMBER_MAX)
			return err_set(ERR_INVALID, "ALLOWED_SYSCALLS: %.*s is no system call that is known here", STR(one));
		else
			r = filter_find((uint32_t)number);
		if (r && r->rule == RULE_KILL)
			return err_set(ERR_INVALID, "ALLOWED_SYSCALLS: %s can never be allowed", r->name);
		if (n == WIRE_EXTRA_MAX)
			return err_set(ERR_TOO_LARGE, "ALLOWED_SYSCALLS: more than %d entries", WIRE_EXTRA_MAX);
		out[n++] = (uint16_t)number;
	}
	*len = n;
	return 0;
}

static status parse_isolation(struct str text, uint32_t *out)
{
	static const char *const names[] = { "auto", "namespace", "container", "minimal" };
	for (uint32_t i = 0; i < countof(names); i++)
		if (str_eq(text, str_c(names[i]))) {
			*out = i;
			return 0;
		}
	return err_set(ERR_INVALID, "SANDBOX_ISOLATION: use auto, namespace, container or minimal");
}

static status parse_require(struct arena *mem, struct str text, uint32_t *out)
{
	*out = 0;
	while (text.len) {
		struct str one = str_trim(str_cut(&text, ','));
		uint32_t bit = probe_require_bit(one);
		struct buf b = buf_make(mem, 1024);
		probe_require_names(&b);
		if (!bit)
			return err_set(ERR_INVALID, "SANDBOX_REQUIRE: %.*s is no layer; use %.*s", STR(one), STR(buf_str(&b)));
		*out |= bit;
	}
	return 0;
}

static status read_launcher(struct source *s, struct sandbox_options *o)
{
	struct launcher_settings *l = &o->launcher;
	int64_t cpu;
	if (get_u32(s, "memory_mb", 64, 65536, &l->memory_mb) || get_u32(s, "max_threads", 1, 512, &l->threads) ||
	    get_u32(s, "scratch_mb", 0, 4096, &l->scratch_mb) || get_u32(s, "pool_node", 0, 32, &l->pool_node) || get_u32(s, "uid_base", 1000, 4000000000, &l->uid_base) ||
	    get_u32(s, "uid_count", 1, 65536, &l->uid_count) || get_int(s, "cpu_seconds", 0, 86400, &cpu) ||
	    get_path(s, "rootfs", l->rootfs) || get_path(s, "cgroup", l->cgroup) || get_path(s, "python_path", l->python_path) ||
	    get_path(s, "nodejs_path", l->nodejs_path) || get_path(s, "preload_modules", l->preload) ||
	    parse_isolation(get(s, "isolation"), &l->isolation) || parse_require(s->mem, get(s, "require"), &l->require) ||
	    sandbox_parse_syscalls(get(s, "allowed_syscalls"), l->extra, &l->extra_len))
		return -1;
	l->workers = (uint32_t)o->max_workers;
	l->network = o->network;
	l->cpu_seconds = (uint32_t)(cpu ? cpu : o->worker_timeout_s + 1);
	return 0;
}

/* "30m", "1h30m", "90s", "3600"; empty or 0 = never. */
static status parse_interval(struct str text, int64_t *seconds)
{
	int64_t total = 0;
	struct str rest = text;
	while (rest.len) {
		size_t digits = 0;
		while (digits < rest.len && rest.at[digits] >= '0' && rest.at[digits] <= '9')
			digits++;
		char unit = digits < rest.len ? rest.at[digits] : 's';
		int64_t n, each = unit == 'h' ? 3600 : unit == 'm' ? 60 : unit == 's' ? 1 : 0;
		if (!each || str_to_i64(str_sub(rest, 0, digits), &n) || n > INTERVAL_MAX_S || (total += n * each) > INTERVAL_MAX_S)
			return err_set(ERR_INVALID, "PYTHON_DEPS_UPDATE_INTERVAL: %.*s is no time such as 30m or 12h", STR(text));
		rest = str_skip(rest, digits + 1);
	}
	*seconds = total;
	return 0;
}

static status read_packages(struct source *s, struct sandbox_options *o)
{
	bool allowed;
	if (get_bool(s, "allow_pip", &allowed) || parse_interval(str_trim(get(s, "python_deps_update_interval")), &o->update_interval_s))
		return -1;
	o->launcher.packages = allowed;
	o->requirements = get(s, "requirements");
	o->pip_index = str_trim(get(s, "pip_mirror_url"));
	if (allowed && *o->launcher.rootfs)
		return err_set(ERR_INVALID, "SANDBOX_ALLOW_PIP does not go with SANDBOX_ROOTFS: install into that folder");
	if (!allowed && (o->update_interval_s || o->pip_index.len))
		log_warn("PIP_MIRROR_URL and PYTHON_DEPS_UPDATE_INTERVAL have no effect without SANDBOX_ALLOW_PIP=true");
	return 0;
}

static status read_options(struct source *s, struct sandbox_options *o)
{
	return get_int(s, "max_workers", 1, 64, &o->max_workers) || get_int(s, "max_requests", 1, 100000, &o->max_requests) ||
	       get_int(s, "queue_timeout", 0, 3600, &o->queue_timeout_s) ||
	       get_int(s, "worker_timeout", 1, 3600, &o->worker_timeout_s) ||
	       get_int(s, "max_output", 1024, 1 << 30, &o->max_output) ||
	       get_int(s, "max_connections", 1, 512, &o->max_connections) ||
	       get_int(s, "max_upload_mb", 1, 1 << 20, &o->max_upload_mb) ||
	       get_int(s, "max_download_mb", 1, 1 << 20, &o->max_download_mb) ||
	       get_bool(s, "enable_network", &o->network) || get_bool(s, "enable_preload", &o->preload_enabled) ||
	       read_launcher(s, o) || read_packages(s, o) ? -1 : 0;
}

/* o is zeroed memory of the arena. */
status sandbox_settings_text(struct arena *mem, const struct config *config, struct str yaml, struct sandbox_options *o)
{
	struct source s = { .mem = mem, .config = config };
	if (parse_file(&s, yaml) || read_options(&s, o))
		return -1;
	o->key = get(&s, "app.key");
	o->profile = get(&s, "profile");
	if (o->profile.len && !str_eq(o->profile, S("pure")) && !str_eq(o->profile, S("data")) &&
	    !str_eq(o->profile, S("network")))
		return err_set(ERR_INVALID, "SANDBOX_PROFILE: use pure, data or network, or leave it empty");
	o->socks5 = get(&s, "proxy.socks5");
	o->proxy = get(&s, "proxy.http");
	if (!o->proxy.len)
		o->proxy = get(&s, "proxy.https");
	return 0;
}

status sandbox_settings(struct arena *mem, const struct config *config, struct sandbox_options *o)
{
	struct str path = config_str(config, CONFIG_SANDBOX_CONFIG), text = S("");
	if (!path.len && access("conf/config.yaml", R_OK) == 0)
		path = S("conf/config.yaml");
	if (path.len && read_text(mem, path, &text))
		return -1;
	if (sandbox_settings_text(mem, config, text, o))
		return path.len ? err_wrap("%.*s", STR(path)) : -1;
	return 0;
}
