/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api: route tables, callers, and the shapes of requests and answers. From the tables come the
 * router, the checks before a handler, the list of operations and the test that each is tested.
 */
#pragma once
#include "base/core.h"
#include "base/json.h"
#include "base/str.h"
#include "net/http.h"

struct account;
struct accounts;
struct api_key;
struct app;
struct apps;
struct blob;
struct broker;
struct chats;
struct client;
struct config;
struct db;
struct end_user;
struct flow;
struct models;
struct tools;

/* Everything a handler may use; one per process, filled by role/. */
struct services {
	const struct config *config;
	struct db *db;
	struct broker *broker;
	struct blob *blob;
	struct client *client;
	struct code_service *code;
	struct tools *tools;
	struct accounts *accounts;
	struct apps *apps;
	struct models *models;
	struct flow *flow;
	struct chats *chats;
	unsigned char seal_key[32];
	struct str secret;     /* SECRET_KEY */
	struct str public_url; /* base for links, from settings or the request's Host */
};

enum auth {
	AUTH_NONE,
	AUTH_APP_KEY,	/* Bearer app-...; app loaded, published site not needed */
	AUTH_DATASET_KEY,
	AUTH_CONSOLE,	/* cookie or bearer + CSRF, or admin key; account loaded */
	AUTH_EDITOR,	/* AUTH_CONSOLE and at least editor */
	AUTH_ADMIN,	/* AUTH_CONSOLE and at least admin */
	AUTH_PASSPORT,	/* web app: X-App-Passport or cookie; app and end_user loaded */
};

/* One call of one operation. Memory of the request. */
struct call {
	struct http *http;
	struct arena *mem;
	struct services *s;
	const struct route *route;
	struct str param[4];	     /* path parameters in order */
	struct api_key *key;
	struct app *app;
	struct account *account;
	struct end_user *end_user;   /* AUTH_PASSPORT, or after call_end_user */
	struct json *body;	     /* after call_body */
};
typedef status (*call_handler)(struct call *);

enum {
	ROUTE_KEEP = 1, /* the handler goes on when the client leaves */
	ROUTE_RAW_404 = 2,
	ROUTE_BEACON = 4, /* sent by navigator.sendBeacon, which cannot set X-CSRF-Token */
};
struct route {
	enum http_method method;
	const char *path; /* "/v1/messages/{message_id}/feedbacks"; {x:uuid} must be a UUID, else 404 */
	enum auth auth;
	int64_t deadline_ms; /* 0 = none of its own (streams) */
	uint64_t body_limit; /* 0 = the server's */
	call_handler handler;
	unsigned flags;
};
struct route_table {
	const char *name;
	const struct route *routes;
	size_t len;
};
struct router;
status router_open(const struct route_table *const *tables, size_t n, struct services *, struct router **out) NODISCARD;
void router_close(struct router *);
status router_handle(struct http *, void *router) NODISCARD; /* an http_handler */
status router_error(struct http *, void *router) NODISCARD;  /* answers the error record: {"code","message","status"} */

/* --- request --- */
/* JSON object body into call->body. 415 unsupported_media_type for another content type, 400
 * bad_request for broken, empty or non-object JSON (platform.md 2.4 rows 4). */
status call_body(struct call *) NODISCARD;
/* `user` of the body (or query for GET) to call->end_user. required: 400 "Arg user must be provided." */
status call_end_user(struct call *, struct str user, bool required) NODISCARD;
/* Query parameters with range checks; 400 invalid_param. */
status call_query_int(struct call *, struct str name, int64_t fallback, int64_t min, int64_t max, int64_t *out) NODISCARD;

/* --- answer --- */
/* As the REST framework writes: compact, ASCII, "/" as "\/", newline at the end. */
status reply_json(struct call *, int code, const struct json *) NODISCARD;
/* As blocking runs are written: ", " and ": ", ASCII, no newline. */
status reply_run(struct call *, int code, const struct json *) NODISCARD;
/* Compact, UTF-8, no newline: /setup, /init, /version, /passport, statistics. */
status reply_plain(struct call *, int code, const struct json *) NODISCARD;
status reply_ok(struct call *); /* {"result":"success"} */
status reply_empty(struct call *, int code) NODISCARD;

/* The tables. */
extern const struct route_table service_routes, site_routes, console_routes, file_routes, system_routes,
	trigger_routes;
