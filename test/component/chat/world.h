/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world: a whole server in this process for tests: SQLite in a new folder (or the PostgreSQL that
 * TATARA_TEST_PG names), real engine and routes, and a model server that answers as the recorded
 * one did. Requests go over a real socket.
 */
#pragma once
#include "api/api.h"
#include "base/arena.h"
#include "base/json.h"

struct world {
	struct arena *mem;
	struct services s;
	struct str tenant_id, account_id;
	struct str url; /* http://127.0.0.1:port */
	struct str model_url;
	int model_calls;  /* answered by the model server */
	int model_tokens; /* words of the last prompt */
	int embed_texts;  /* turned into vectors by the same server; not those with "[[refuse]]" */
	bool embed_down;
	bool hold;	  /* the slow answer of the model stops in its middle meanwhile */
};
/* Runs body in a fiber of a new loop with a new world; fails the cmocka test when it fails. */
void with_world(void (*body)(struct world *));

/* A golden app: imported, published, with a key. */
struct world_app {
	struct str id, key, site_code;
};
struct world_app world_app(struct world *, const char *golden_name);

struct world_reply {
	int status;
	struct str body;
	struct json *json; /* NULL when the body is none */
	const struct client_response *head;
};
/* key empty = no Authorization. body NULL = none. */
struct world_reply world_call(struct world *, const char *method, struct str key, struct str path,
			      const char *body);
/* A file part of 9 characters "file bytes", and the user. */
struct world_reply world_upload(struct world *, struct str key, const char *name, const char *type,
				struct str bytes);
struct world_reply world_site(struct world *, const char *method, struct str passport,
			      struct str path, const char *body);
/* Text of a member, "" when absent. */
struct str world_text(const struct world_reply *, const char *dotted);
