/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/welcome.h"

#include <stdio.h>
#include <string.h>

#include "account/account.h"
#include "app/app.h"
#include "app/starter.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"
#include "base/json.h"
#include "base/log.h"
#include "net/client.h"
#include "role/role.h"
#include "role/serve.h"

#define WELCOME_EMAIL "admin@tatara.local"
#define WELCOME_QUESTION "How do I connect a model server such as Ollama?"

enum { PASSWORD_LEN = 16, EVENT_MAX = 1 << 20 };

struct welcome {
	struct role_process *role;
	struct arena *mem;
	struct services services;
	struct str url, password, token;
};

/* Prints the text of one event; *end at the last. */
static void print_event(struct welcome *w, struct str data, bool *end)
{
	struct json *e;
	if (json_parse(w->mem, data, &e))
		return;
	struct str name = json_get_str(e, S("event"));
	if (str_eq(name, S("message"))) {
		struct str text = json_get_str(e, S("answer"));
		printf("%.*s", STR(text));
		fflush(stdout);
	}
	if (str_eq(name, S("error"))) {
		struct str text = json_get_str(e, S("message"));
		printf("(no answer: %.*s)", STR(text));
	}
	*end = str_eq(name, S("message_end")) || str_eq(name, S("error"));
}

static struct str question_body(struct welcome *w)
{
	struct json *b = json_obj(w->mem);
	json_set(w->mem, b, S("inputs"), json_obj(w->mem));
	json_set_str(w->mem, b, S("query"), S(WELCOME_QUESTION));
	json_set_str(w->mem, b, S("response_mode"), S("streaming"));
	json_set_str(w->mem, b, S("user"), S("welcome"));
	return json_text(w->mem, b, JSON_COMPACT);
}

/* The whole way: public address, gateway, Service API, run, model role, and back as a stream. */
static status ask(struct welcome *w)
{
	const struct http_header headers[] = {
		{ S_INIT("Content-Type"), S_INIT("application/json") },
		{ S_INIT("Authorization"), arena_printf(w->mem, "Bearer %.*s", STR(w->token)) },
	};
	struct client_request q = {
		.method = HTTP_POST,
		.url = arena_printf(w->mem, "%.*s/v1/chat-messages", STR(w->url)),
		.headers = headers,
		.header_count = countof(headers),
		.body = question_body(w),
	};
	AUTO(client_stream) in = { 0 };
	if (client_stream_open(w->services.client, w->mem, &q, &in.p))
		return -1;
	if (client_stream_head(in.p)->status != 200)
		return err_set(ERR_UPSTREAM, "the starter app answered with status %d",
			       client_stream_head(in.p)->status);
	struct sse_reader *events = sse_reader_open(w->mem, in.p, EVENT_MAX);
	printf("\n  Q: %s\n\n", WELCOME_QUESTION);
	for (bool end = false; !end;) {
		struct sse_event e;
		if (sse_reader_next(events, &e, &end))
			return -1;
		if (!end && e.data.len)
			print_event(w, e.data, &end);
	}
	printf("\n");
	return 0;
}

static status create_first(struct welcome *w)
{
	struct account *account;
	struct app *app;
	struct api_key *key;
	/* A letter and a digit are the rule; the random part may lack either. */
	w->password = arena_printf(w->mem, "T4-%.*s", STR(id_token(w->mem, PASSWORD_LEN)));
	if (setup_create(w->services.accounts, w->mem, S(WELCOME_EMAIL), S("Admin"), w->password,
			 S("en-US"), S("127.0.0.1"), &account))
		return -1;
	if (starter_create(w->services.apps, w->mem, account->tenant_id, account->id, &app))
		return -1;
	return key_create(w->services.accounts, w->mem, account->tenant_id, app->id, S("app"), &key,
			  &w->token);
}

static void print_first(struct welcome *w)
{
	printf("\n  Tatara is running.\n\n"
	       "    Pages     %.*s\n"
	       "    Sign in   %s\n"
	       "    Password  %.*s   (shown once; change it on the account page)\n\n"
	       "  Ask it from a program:\n\n"
	       "    curl -N %.*s/v1/chat-messages \\\n"
	       "      -H 'Authorization: Bearer %.*s' \\\n"
	       "      -H 'Content-Type: application/json' \\\n"
	       "      -d '{\"query\":\"What is Tatara?\",\"inputs\":{},\"user\":\"me\",\"response_mode\":\"streaming\"}'\n\n",
	       STR(w->url), WELCOME_EMAIL, STR(w->password), STR(w->url), STR(w->token));
	fflush(stdout);
}

static status greet(struct role_process *r, struct str url)
{
	bool done;
	int64_t at;
	struct welcome *w = arena_new(r->mem, struct welcome);
	w->role = r;
	w->mem = r->mem;
	w->url = url;
	if (services_open(&w->services, r->mem, r->config, r->data_dir, S("welcome"), 0))
		return -1;
	status s = setup_done(w->services.accounts, &done, &at);
	if (!s && done) {
		printf("\n  Tatara is running at %.*s\n\n", STR(url));
		fflush(stdout);
	} else if (!s) {
		s = create_first(w);
		if (!s && ask(w))
			log_err(LOG_WARN, "first question");
		if (!s)
			print_first(w);
	}
	struct err why;
	err_save(&why);
	services_close(&w->services);
	return s ? err_restore(&why) : 0;
}

int welcome_serve(int argc, char **argv)
{
	bool wanted = false;
	int left = 0;
	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--welcome"))
			wanted = true;
		else
			argv[left++] = argv[i];
	}
	return serve_run(left, argv, wanted ? greet : NULL);
}
