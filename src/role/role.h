/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role: a container of the stack as one process of ours. A role is a row of functions; role_run
 * gives every role the same life: settings, log, loop, sockets, /health, /ready, /metrics, drain on
 * SIGTERM within TATARA_DRAIN_SECONDS.
 */
#pragma once
#include "api/api.h"
#include "base/core.h"
#include "base/str.h"
#include "net/http.h"
#include "rt/rt.h"

struct arena;
struct buf;
struct config;
struct role_process;

struct role_type {
	const char *name, *help, *replaces;
	const char *listen; /* default when started alone */
	const char *socket; /* of /health under `serve`, run/NAME.sock; NULL = the role's name */
	const char *front;  /* a second socket, run/NAME.sock, handed over as --front fd:4; or NULL */
	bool stateless;	    /* alone it needs no data directory */
	/* Opens what the role needs into role->state; services are open when needs_services. */
	status (*open)(struct role_process *);
	status (*started)(struct role_process *); /* all sockets are open; NULL = nothing to do */
	http_handler handle; /* ctx is the role; NULL: health only */
	http_handler fail;   /* answers the error record; NULL = JSON */
	status (*ready)(struct role_process *); /* NULL = always; the error text is shown */
	void (*metrics)(struct role_process *, struct buf *);
	void (*drain)(struct role_process *, deadline);
	void (*close)(struct role_process *);
	bool needs_services, needs_flow;
	uint64_t body_limit; /* 0 = TATARA_HTTP_BODY_LIMIT_MB */
	/* Where to listen alone, from settings; NULL = `listen`. */
	struct str (*listen_setting)(struct role_process *);
	/* /health is the role's own; /ready and /metrics are told to this machine only. */
	bool own_health;
	/* Not ready here does not make the whole not ready: what needs it says so when it is used. */
	bool optional;
};

struct role_process {
	const struct role_type *type;
	struct arena *mem; /* lives as long as the process */
	struct config *config;
	struct str data_dir, run_dir;
	struct str listen[4]; /* "127.0.0.1:8080", "unix:...", "fd:3" */
	size_t listen_count;
	const char *const *args; /* what was left of the command line */
	size_t arg_count;
	struct services services;
	struct http_server *server;
	bool draining, supervised;
	void *state; /* the role's own */
};

extern const struct role_type *const role_types[];
extern const size_t role_types_len;
const struct role_type *role_find(struct str name);

/* The whole life of a process of this role; returns the exit code. */
int role_run(const struct role_type *, int argc, char **argv);

/* --- parts that commands share with roles --- */
/* Settings from defaults, the .env file and the environment; env_file at == NULL takes
 * $TATARA_ENV_FILE, else DATA/.env, else ./.env when they exist. */
status settings_load(struct arena *, struct str data_dir, struct str env_file, struct config **out) NODISCARD;
/* --data, $TATARA_DATA, or the user's data directory (/var/lib/tatara for root); created 0700. */
status data_dir_open(struct arena *, struct str given, struct str *out) NODISCARD;
/* Held until the process ends; ERR_BUSY names the holder's pid. */
status data_dir_lock(struct arena *, struct str data_dir) NODISCARD;
/* SECRET_KEY, or the one kept in DATA/secret (made at first need). */
status secret_load(struct arena *, struct str data_dir, const struct config *, struct str *out) NODISCARD;

/* What to open: the flow engine starts taking over runs only in roles. */
enum { SERVICES_FLOW = 1, SERVICES_MIGRATE = 2, SERVICES_SUPERVISED = 4 };
status services_open(struct services *, struct arena *, struct config *, struct str data_dir, struct str process_name, unsigned what) NODISCARD;
void services_close(struct services *);
struct db_options;
/* What api and worker send to the sandbox role under the same supervisor, and what that asks for:
 * SANDBOX_API_KEY or CODE_EXECUTION_API_KEY when one is set, else a key made from the secret. */
struct str sandbox_key(struct arena *, struct str secret, const struct config *);
/* Where records live, from the settings; for commands that open the database only. */
status database_settings(struct arena *, const struct config *, struct str data_dir, struct db_options *out) NODISCARD;

/* Prometheus text of the whole process: loop, memory, HTTP server, database. */
void metrics_write(struct role_process *, struct buf *);
status fetch_local(struct client *, struct arena *, struct str socket, struct str path, int *code, struct str *body) NODISCARD;
