/* SPDX-License-Identifier: Apache-2.0 */
/* services: opens the parts below in their order and wires the hooks between them. */
#include "role/role.h"
#include "role/workflow_tool.h"

#include <string.h>
#include <unistd.h>

#include "account/account.h"
#include "app/app.h"
#include "app/draft.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/config.h"
#include "base/crypt.h"
#include "base/enc.h"
#include "base/err.h"
#include "base/log.h"
#include "chat/chat.h"
#include "flow/flow.h"
#include "model/model.h"
#include "net/client.h"
#include "net/guard.h"
#include "role/outgoing.h"
#include "store/blob/blob.h"
#include "store/broker/broker.h"
#include "store/db/db.h"
#include "tool/code.h"
#include "tool/tool.h"

/* One "key='value'" of a libpq connection string, quoted as libpq reads it. */
static void conninfo_add(struct buf *b, const char *key, struct str value)
{
	if (!value.len)
		return;
	buf_printf(b, "%s='", key);
	for (size_t i = 0; i < value.len; i++) {
		if (value.at[i] == '\'' || value.at[i] == '\\')
			buf_putc(b, '\\');
		buf_putc(b, value.at[i]);
	}
	buf_puts(b, "' ");
}

static struct str postgres_conninfo(struct arena *mem, const struct config *c)
{
	static const struct {
		const char *key;
		enum config_key setting;
	} parts[] = {
		{ "host", CONFIG_DB_HOST },	    { "port", CONFIG_DB_PORT },
		{ "user", CONFIG_DB_USERNAME },	    { "password", CONFIG_DB_PASSWORD },
		{ "dbname", CONFIG_DB_DATABASE },
	};
	struct buf b = buf_make(mem, 8192);
	for (size_t i = 0; i < countof(parts); i++)
		conninfo_add(&b, parts[i].key, config_str(c, parts[i].setting));
	conninfo_add(&b, "application_name", S("tatara"));
	return buf_str(&b);
}

/* "nothing set = embedded": a named host is as good as DB_TYPE=postgresql. */
status database_settings(struct arena *mem, const struct config *c, struct str data_dir,
			 struct db_options *out)
{
	struct str type = config_str(c, CONFIG_DB_TYPE);
	bool postgres = str_eq(type, S("postgresql")) ||
			(!type.len && config_is_set(c, CONFIG_DB_HOST));
	if (type.len && !postgres && !str_eq(type, S("sqlite")))
		return err_set(ERR_INVALID, "DB_TYPE=%.*s is not supported: use postgresql, or leave "
					    "it unset for the embedded database.", STR(type));
	*out = (struct db_options){
		.sqlite_path = arena_printf(mem, "%.*s/tatara.db", STR(data_dir)),
		.sqlite_sync_full = !str_eq(config_str(c, CONFIG_TATARA_SQLITE_SYNC), S("normal")),
	};
	if (postgres) {
		out->postgres = postgres_conninfo(mem, c);
		out->connections = (int)config_int(c, CONFIG_SQLALCHEMY_POOL_SIZE);
	}
	return 0;
}

static status open_blob(struct services *s, struct arena *mem, struct str data_dir)
{
	struct str type = config_str(s->config, CONFIG_STORAGE_TYPE);
	struct str path = config_str(s->config, CONFIG_STORAGE_LOCAL_PATH);
	if (type.len && !str_eq(type, S("local")) && !str_eq(type, S("opendal")))
		return err_set(ERR_INVALID, "STORAGE_TYPE=%.*s is not supported yet: use local, or "
					    "leave it unset.", STR(type));
	/* The default of other stacks is relative to their container; ours is in the data directory. */
	if (!config_is_set(s->config, CONFIG_STORAGE_LOCAL_PATH) || !path.len)
		path = arena_printf(mem, "%.*s/files", STR(data_dir));
	return blob_open_dir(path, &s->blob);
}

static status open_client(struct services *s, struct arena *mem)
{
	struct guard_options g;
	struct guard_cache *cache;
	struct guard *guard;
	if (outgoing_guard(mem, s->config, OUTGOING_ANY, &g) || outgoing_cache(s->config, &cache))
		return -1;
	arena_defer(mem, (void (*)(void *))guard_cache_close, cache);
	g.cache = cache;
	if (guard_open(&g, &guard))
		return -1;
	arena_defer(mem, (void (*)(void *))guard_close, guard);
	struct client_options o = {
		.guard = guard,
		/* Each open answer of a model is a connection to the same few hosts. */
		.connections_per_host = (size_t)config_int(s->config, CONFIG_TATARA_STREAMS_MAX),
	};
	struct outgoing_workspaces *own;
	if (outgoing_workspaces(mem, s->config, cache, &own))
		return -1;
	o.guard_of = own ? outgoing_workspace_guard : NULL;
	o.guard_ctx = own;
	outgoing_proxy(s->config, &o);
	outgoing_limits(s->config, &o.limits);
	return client_open(&o, &s->client);
}

static status open_records(struct services *s, struct arena *mem, struct str data_dir, unsigned what)
{
	struct db_options o;
	if (database_settings(mem, s->config, data_dir, &o) || db_open(&o, &s->db))
		return -1;
	struct migrate_report report;
	if (db_migrate(s->db, !(what & SERVICES_MIGRATE), &report))
		return err_wrap("migrate the database");
	if (!(what & SERVICES_MIGRATE) && report.pending)
		return err_set(ERR_UNAVAILABLE, "The database needs %d migrations: run `tatara "
						"migrate`.", report.pending);
	struct broker_options b = { .db = s->db,
				    .run_dir = arena_printf(mem, "%.*s/run/bus", STR(data_dir)) };
	return broker_open(&b, &s->broker);
}

static status open_people(struct services *s)
{
	struct accounts_options a = {
		.db = s->db, .broker = s->broker, .config = s->config, .secret = s->secret
	};
	struct apps_options p = {
		.db = s->db, .config = s->config, .seal_key = s->seal_key, .client = s->client
	};
	return accounts_open(&a, &s->accounts) || apps_open(&p, &s->apps) ? -1 : 0;
}

struct str sandbox_key(struct arena *mem, struct str secret, const struct config *c)
{
	unsigned char key[CRYPT_KEY_LEN];
	if (config_is_set(c, CONFIG_SANDBOX_API_KEY))
		return config_str(c, CONFIG_SANDBOX_API_KEY);
	if (config_is_set(c, CONFIG_CODE_EXECUTION_API_KEY))
		return config_str(c, CONFIG_CODE_EXECUTION_API_KEY);
	crypt_derive(secret, S("tatara sandbox key v1"), key);
	return enc_hex(mem, str_of((const char *)key, sizeof(key)));
}

static int64_t seconds_ms(const struct config *c, enum config_key key)
{
	return (int64_t)(config_float(c, key) * 1000);
}

/* A sandbox that is named wins; else the one of our supervisor, which listens in the data directory;
 * else the name it has in a compose file. */
static status open_code(struct services *s, struct arena *mem, struct str data_dir, unsigned what)
{
	const struct config *c = s->config;
	struct code_options o = {
		.client = s->client,
		.endpoint = config_str(c, CONFIG_CODE_EXECUTION_ENDPOINT),
		.key = config_str(c, CONFIG_CODE_EXECUTION_API_KEY),
		.connect_ms = seconds_ms(c, CONFIG_CODE_EXECUTION_CONNECT_TIMEOUT),
		.read_ms = seconds_ms(c, CONFIG_CODE_EXECUTION_READ_TIMEOUT),
		.insecure = !config_bool(c, CONFIG_CODE_EXECUTION_SSL_VERIFY),
		.profiles = config_str(c, CONFIG_CODE_EXECUTION_PROFILES),
	};
	char *own = arena_cstr(mem, arena_printf(mem, "%.*s/run/sandbox.sock", STR(data_dir)));
	if (!config_is_set(c, CONFIG_CODE_EXECUTION_ENDPOINT) &&
	    (what & SERVICES_SUPERVISED || access(own, F_OK) == 0)) {
		o.endpoint = arena_printf(mem, "unix:%s", own);
		o.key = sandbox_key(mem, s->secret, c);
	}
	return code_open(&o, &s->code);
}

static status open_tools(struct services *s)
{
	struct str base = config_str(s->config, CONFIG_CONSOLE_API_URL);
	while (str_ends(base, S("/")))
		base.len--;
	struct tools_options o = {
		.db = s->db, .client = s->client, .code = s->code, .config = s->config,
		.seal_key = s->seal_key, .public_url = base, .hooks = workflow_tool_hooks(s),
	};
	if (tools_open(&o, &s->tools))
		return -1;
	apps_use_tools(s->apps, s->tools);
	return 0;
}

static status open_engine(struct services *s, struct arena *mem, struct str data_dir, struct str name)
{
	struct models_options m = {
		.db = s->db,
		.client = s->client,
		.config = s->config,
		.seal_key = s->seal_key,
		.model_socket = arena_printf(mem, "%.*s/run/model.sock", STR(data_dir)),
	};
	if (models_open(&m, &s->models))
		return -1;
	struct chats_options c = {
		.db = s->db, .broker = s->broker, .models = s->models, .config = s->config,
		.accounts = s->accounts
	};
	if (chats_open(&c, &s->chats))
		return -1;
	struct flow_options f = {
		.db = s->db, .broker = s->broker, .blob = s->blob, .models = s->models,
		.client = s->client, .code = s->code, .tools = s->tools,
		.config = s->config, .seal_key = s->seal_key,
		.secret = s->secret, .process_name = name, .hooks = chat_hooks(s->chats),
		.drafts = { .ctx = s->apps, .save = draft_save },
	};
	if (flow_open(&f, &s->flow))
		return -1;
	chats_attach(s->chats, s->flow);
	return 0;
}

status services_open(struct services *s, struct arena *mem, struct config *config,
		     struct str data_dir, struct str process_name, unsigned what)
{
	*s = (struct services){ .config = config,
				.public_url = config_str(config, CONFIG_TATARA_PUBLIC_URL) };
	if (secret_load(mem, data_dir, config, &s->secret))
		return -1;
	crypt_derive(s->secret, S("tatara seal v1"), s->seal_key);
	if (open_records(s, mem, data_dir, what) || open_blob(s, mem, data_dir) ||
	    open_client(s, mem) || open_code(s, mem, data_dir, what) || open_people(s) ||
	    open_tools(s) || open_engine(s, mem, data_dir, process_name)) {
		struct err why;
		err_save(&why);
		services_close(s);
		return err_restore(&why);
	}
	if (what & SERVICES_FLOW)
		return fiber_background("flow service", flow_service, s->flow);
	return 0;
}

void services_close(struct services *s)
{
	if (s->flow)
		flow_close(s->flow);
	if (s->chats)
		chats_close(s->chats);
	if (s->models)
		models_close(s->models);
	if (s->apps)
		apps_close(s->apps);
	if (s->accounts)
		accounts_close(s->accounts);
	tools_close(s->tools);
	code_close(s->code);
	if (s->client)
		client_close(s->client);
	if (s->blob)
		blob_close(s->blob);
	if (s->broker)
		broker_close(s->broker);
	if (s->db)
		db_close(s->db);
	*s = (struct services){ 0 };
}
