/* SPDX-License-Identifier: Apache-2.0 */
/* The Service API and the web app's API over a real socket, engine and database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../chat/world.h"
#include "account/account.h"
#include "app/app.h"
#include "base/err.h"
#include "base/id.h"
#include "chat/chat.h"
#include "net/client.h"

static void expect_status(const struct world_reply *r, int want)
{
	if (r->status != want)
		print_message("want %d, got %d: %.*s\n", want, r->status, STR(r->body));
	assert_int_equal(r->status, want);
}

static void expect_error(const struct world_reply *r, int code, const char *slug)
{
	expect_status(r, code);
	if (!str_eq(world_text(r, "code"), str_c(slug)))
		print_message("%.*s\n", STR(r->body));
	assert_true(str_eq(world_text(r, "code"), str_c(slug)));
}

static void expect_text(struct str got, const char *want)
{
	if (!str_eq(got, str_c(want)))
		print_message("got:  %.*s\nwant: %s\n", STR(got), want);
	assert_true(str_eq(got, str_c(want)));
}

static struct world_reply chat(struct world *w, struct str key, const char *user, const char *query,
			       struct str conversation)
{
	struct str body = arena_printf(
		w->mem,
		"{\"inputs\":{},\"query\":\"%s\",\"user\":\"%s\",\"conversation_id\":\"%.*s\"}",
		query, user, STR(conversation));
	return world_call(w, "POST", key, S("/v1/chat-messages"), arena_cstr(w->mem, body));
}

static struct str path(struct world *w, const char *fmt, struct str id)
{
	return arena_printf(w->mem, fmt, STR(id));
}

/* The number of data events with this name in a stream. */
static int count_events(struct str body, const char *name)
{
	char needle[64] = "data: {\"event\":\"";
	size_t n = strlen(needle), m = strlen(name);
	memcpy(needle + n, name, m);
	struct str find = str_of(needle, n + m);
	int count = 0;
	for (size_t at; (at = str_find(body, find)) != SIZE_MAX; body = str_skip(body, at + 1))
		count++;
	return count;
}

/* --- chat apps --- */

static void chats(struct world *w)
{
	struct world_app a = world_app(w, "chat_plain"), b = world_app(w, "chat");
	struct world_reply r = chat(w, a.key, "u1", "hello", S(""));
	expect_status(&r, 200);
	expect_text(world_text(&r, "answer"), "You said: hello");
	expect_text(world_text(&r, "event"), "message");
	expect_text(world_text(&r, "mode"), "chat");
	assert_int_equal(json_get_int(json_path(r.json, "metadata.usage"), S("prompt_tokens"), 0),
			 5);
	assert_int_equal(json_get_int(json_path(r.json, "metadata.usage"), S("total_tokens"), 0),
			 8);
	struct str conv = world_text(&r, "conversation_id"), message = world_text(&r, "message_id");
	r = chat(w, a.key, "u1", "second turn", conv);
	/* 4 of the prompt, 1 + 3 of the first turn, 2 of the query */
	assert_int_equal(json_get_int(json_path(r.json, "metadata.usage"), S("prompt_tokens"), 0),
			 10);
	expect_text(world_text(&r, "conversation_id"), arena_cstr(w->mem, conv));
	struct world_reply m = world_call(
		w, "GET", a.key, path(w, "/v1/messages?user=u1&conversation_id=%.*s", conv), NULL);
	expect_status(&m, 200);
	const struct json *data = json_get(m.json, S("data"));
	assert_int_equal(json_len(data), 2);
	expect_text(json_get_str(json_at(data, 0), S("query")), "hello");
	expect_text(json_get_str(json_at(data, 1), S("answer")), "You said: second turn");
	expect_text(json_get_str(json_at(data, 0), S("parent_message_id")), CHAT_PARENT_TIME);
	assert_true(json_is(json_get(json_at(data, 0), S("feedback")), JSON_NULL));
	/* others: another user, another app */
	r = chat(w, a.key, "u2", "x", conv);
	expect_error(&r, 404, "not_found");
	expect_text(world_text(&r, "message"), "Conversation Not Exists.");
	r = chat(w, b.key, "u1", "x", conv);
	expect_error(&r, 404, "not_found");
	r = world_call(w, "GET", a.key, path(w, "/v1/messages?user=u2&conversation_id=%.*s", conv),
		       NULL);
	expect_error(&r, 404, "not_found");
	r = world_call(w, "GET", b.key, path(w, "/v1/messages?user=u1&conversation_id=%.*s", conv),
		       NULL);
	expect_error(&r, 404, "not_found");
	/* pages */
	r = world_call(w, "GET", a.key,
		       path(w, "/v1/messages?user=u1&limit=1&conversation_id=%.*s", conv), NULL);
	assert_true(json_get_bool(r.json, S("has_more"), false));
	struct str last = json_get_str(json_at(json_get(r.json, S("data")), 0), S("id"));
	r = world_call(
		w, "GET", a.key,
		arena_printf(w->mem,
			     "/v1/messages?user=u1&limit=1&conversation_id=%.*s&first_id=%.*s",
			     STR(conv), STR(last)),
		NULL);
	assert_false(json_get_bool(r.json, S("has_more"), true));
	expect_text(json_get_str(json_at(json_get(r.json, S("data")), 0), S("id")),
		    arena_cstr(w->mem, message));
	r = world_call(w, "GET", a.key,
		       arena_printf(w->mem,
				    "/v1/messages?user=u1&conversation_id=%.*s&first_id=%.*s",
				    STR(conv), STR(id_uuid(w->mem))),
		       NULL);
	expect_error(&r, 404, "not_found");
}

static const struct {
	const char *body;
	int status;
	const char *code, *message;
} chat_errors[] = {
	{"{\"inputs\":{},\"query\":\"x\"}",					     400, "invalid_param",                  "Arg user must be provided."                                   },
	{"{\"inputs\":{},\"user\":\"u1\"}",					     400, "invalid_param",                  "query: Field required"                                        },
	{"{\"inputs\":{},\"user\":\"u1\",\"query\":\"\"}",                              400, "invalid_param",
	 "query is required"																				  },
	{"{\"query\":\"x\",\"user\":\"u1\"}",                                           400, "invalid_param",                  "inputs: Field required"                                       },
	{"{\"inputs\":[],\"query\":\"x\",\"user\":\"u1\"}",                             400, "invalid_param",
	 "inputs: Input should be a valid dictionary"																	 },
	{"{\"inputs\":{},\"query\":\"x\",\"user\":\"u1\",\"response_mode\":\"fast\"}",  400,
	 "invalid_param",												      "response_mode: Input should be 'blocking' or 'streaming'"     },
	{"{\"inputs\":{},\"query\":\"x\",\"user\":\"u1\",\"conversation_id\":\"xyz\"}", 400,
	 "invalid_param",												      "conversation_id must be a valid UUID"                         },
	{"{\"inputs\":{\"city\":5},\"query\":\"x\",\"user\":\"u1\"}",                   400, "invalid_param",
	 "(type 'text-input') city in input form must be a string"															    },
	{"{\"inputs\":{\"city\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"},"
	 "\"query\":\"x\",\"user\":\"u1\"}",									      400,						 "invalid_param", "city in input form must be less than 48 characters"},
	{"[1]",									     400,									    "bad_request",                             NULL   },
	{"{\"a\":",									     400,									"bad_request",                         NULL},
	{"",									     400,									       "bad_request",                                NULL   },
};

static void refusals(struct world *w)
{
	struct world_app a = world_app(w, "chat"), wf = world_app(w, "wf_echo");
	struct world_reply r;
	for (size_t i = 0; i < countof(chat_errors); i++) {
		print_message("case %zu\n", i);
		r = world_call(w, "POST", a.key, S("/v1/chat-messages"), chat_errors[i].body);
		expect_error(&r, chat_errors[i].status, chat_errors[i].code);
		if (chat_errors[i].message)
			expect_text(world_text(&r, "message"), chat_errors[i].message);
	}
	assert_int_equal(w->model_calls, 0);
	r = world_call(w, "POST", wf.key, S("/v1/chat-messages"),
		       "{\"inputs\":{},\"query\":\"x\",\"user\":\"u1\"}");
	expect_error(&r, 400, "not_chat_app");
	r = world_call(w, "POST", a.key, S("/v1/workflows/run"), "{\"inputs\":{},\"user\":\"u1\"}");
	expect_error(&r, 400, "not_workflow_app");
	r = world_call(w, "POST", a.key, S("/v1/completion-messages"),
		       "{\"inputs\":{},\"user\":\"u1\"}");
	expect_error(&r, 400, "app_unavailable");
	r = world_call(w, "GET", S(""), S("/v1/info"), NULL);
	expect_error(&r, 401, "unauthorized");
	r = world_call(w, "GET", S("app-nope"), S("/v1/info"), NULL);
	expect_error(&r, 401, "unauthorized");
	r = world_call(w, "GET", a.key, S("/v1/datasets"), NULL);
	expect_error(&r, 404, "not_found");
	r = world_call(w, "POST", a.key, S("/v1/chat-messages/abc/stop"), "{\"user\":\"u1\"}");
	expect_status(&r, 200);
	r = chat(w, a.key, "u1", "[[fail:500]]", S(""));
	expect_error(&r, 400, "invalid_param");
	assert_true(str_has(world_text(&r, "message"), S("mock failure")));
}

static void streams(struct world *w)
{
	struct world_app a = world_app(w, "chat_plain");
	struct world_reply r =
		world_call(w, "POST", a.key, S("/v1/chat-messages"),
			   "{\"inputs\":{},\"query\":\"Hello "
			   "there\",\"user\":\"u1\",\"response_mode\":\"streaming\"}");
	expect_status(&r, 200);
	assert_true(str_eq(client_header(r.head, S("content-type")),
			   S("text/event-stream; charset=utf-8")));
	assert_int_equal(count_events(r.body, "message\""), 5);
	assert_int_equal(count_events(r.body, "message_end"), 1);
	assert_int_equal(count_events(r.body, "workflow"), 0);
	assert_int_equal(count_events(r.body, "node"), 0);
	assert_true(str_ends(r.body, S("\"files\":null}\n\n")));
	r = world_call(w, "POST", a.key, S("/v1/chat-messages"),
		       "{\"inputs\":{},\"query\":\"[[fail:500]]\",\"user\":\"u1\",\"response_"
		       "mode\":\"streaming\"}");
	expect_status(&r, 200);
	assert_int_equal(count_events(r.body, "error"), 1);
	assert_int_equal(count_events(r.body, "message_end"), 0);
}

static void completions(struct world *w)
{
	struct world_app a = world_app(w, "completion");
	struct world_reply r = world_call(w, "POST", a.key, S("/v1/completion-messages"),
					  "{\"inputs\":{\"text\":\"hello\"},\"user\":\"u1\"}");
	expect_status(&r, 200);
	expect_text(world_text(&r, "answer"), "You said: Translate: hello\n");
	assert_int_equal(json_get_int(json_path(r.json, "metadata.usage"), S("prompt_tokens"), 0),
			 2);
	assert_null(json_get(r.json, S("conversation_id")));
	r = world_call(w, "POST", a.key, S("/v1/completion-messages"),
		       "{\"inputs\":{\"text\":\"hello\"},\"user\":\"u1\",\"query\":\"q\"}");
	expect_text(world_text(&r, "answer"), "You said: q");
	assert_int_equal(json_get_int(json_path(r.json, "metadata.usage"), S("prompt_tokens"), 0),
			 3);
	r = world_call(w, "POST", a.key, S("/v1/completion-messages"),
		       "{\"inputs\":{},\"user\":\"u1\"}");
	expect_error(&r, 400, "invalid_param");
	expect_text(world_text(&r, "message"), "text is required in input form");
}

/* --- conversations --- */

static void wait_for_name(struct world *w, struct str key, struct str query, const char *want)
{
	for (int i = 0; i < 6000; i++) {
		struct world_reply r = world_call(w, "GET", key, query, NULL);
		if (str_eq(json_get_str(json_at(json_get(r.json, S("data")), 0), S("name")),
			   str_c(want)))
			return;
		assert_int_equal(fiber_sleep_ms(20), 0);
	}
	fail_msg("no conversation got the name %s", want);
}

static void conversations(struct world *w)
{
	struct world_app a = world_app(w, "chat_plain"), b = world_app(w, "chat");
	struct world_reply r = chat(w, a.key, "u9", "a question that is longer than twenty", S(""));
	struct str conv = world_text(&r, "conversation_id"), message = world_text(&r, "message_id");
	wait_for_name(w, a.key, S("/v1/conversations?user=u9"), "Mock title");
	r = chat(w, a.key, "u9", "next", S(""));
	wait_for_name(w, a.key, S("/v1/conversations?user=u9&limit=1"), "Mock title");
	r = world_call(w, "GET", a.key, S("/v1/conversations?user=u9&limit=1"), NULL);
	assert_true(json_get_bool(r.json, S("has_more"), false));
	struct str first = json_get_str(json_at(json_get(r.json, S("data")), 0), S("id"));
	r = world_call(w, "GET", a.key,
		       path(w, "/v1/conversations?user=u9&limit=1&last_id=%.*s", first), NULL);
	expect_text(json_get_str(json_at(json_get(r.json, S("data")), 0), S("id")),
		    arena_cstr(w->mem, conv));
	r = world_call(w, "GET", a.key, S("/v1/conversations?user=u9&sort_by=created_at"), NULL);
	expect_text(json_get_str(json_at(json_get(r.json, S("data")), 0), S("id")),
		    arena_cstr(w->mem, conv));
	r = world_call(w, "GET", a.key, S("/v1/conversations?user=nobody"), NULL);
	expect_text(r.body, "{\"limit\":20,\"has_more\":false,\"data\":[]}\n");
	static const char *const bad[] = {"limit=0", "limit=101", "sort_by=name", "last_id=x"};
	for (size_t i = 0; i < countof(bad); i++) {
		r = world_call(w, "GET", a.key,
			       arena_printf(w->mem, "/v1/conversations?user=u9&%s", bad[i]), NULL);
		expect_error(&r, 400, "invalid_param");
	}
	struct str name = path(w, "/v1/conversations/%.*s/name", conv);
	r = world_call(w, "POST", a.key, name, "{\"name\":\"New name\",\"user\":\"u9\"}");
	expect_text(world_text(&r, "name"), "New name");
	r = world_call(w, "POST", a.key, name, "{\"auto_generate\":true,\"user\":\"u9\"}");
	expect_text(world_text(&r, "name"), "Mock title");
	r = world_call(w, "POST", a.key, name, "{\"name\":\" \",\"user\":\"u9\"}");
	expect_error(&r, 400, "invalid_param");
	r = world_call(w, "POST", a.key, name, "{\"name\":\"x\",\"user\":\"u1\"}");
	expect_error(&r, 404, "not_found");
	r = world_call(w, "POST", b.key, name, "{\"name\":\"x\",\"user\":\"u9\"}");
	expect_error(&r, 404, "not_found");
	/* feedback */
	struct str rate = path(w, "/v1/messages/%.*s/feedbacks", message);
	r = world_call(w, "POST", a.key, rate, "{\"rating\":null,\"user\":\"u9\"}");
	expect_error(&r, 400, "invalid_param");
	r = world_call(w, "POST", a.key, rate,
		       "{\"rating\":\"like\",\"user\":\"u9\",\"content\":\"good\"}");
	expect_text(r.body, "{\"result\":\"success\"}\n");
	r = world_call(w, "POST", a.key, rate, "{\"rating\":\"dislike\",\"user\":\"u9\"}");
	expect_status(&r, 200);
	r = world_call(w, "POST", a.key, rate, "{\"rating\":\"meh\",\"user\":\"u9\"}");
	expect_error(&r, 400, "invalid_param");
	r = world_call(w, "POST", a.key, rate, "{\"rating\":\"like\",\"user\":\"u1\"}");
	expect_error(&r, 404, "not_found");
	r = world_call(w, "GET", a.key, S("/v1/app/feedbacks"), NULL);
	assert_int_equal(json_len(json_get(r.json, S("data"))), 1);
	expect_text(json_get_str(json_at(json_get(r.json, S("data")), 0), S("rating")), "dislike");
	r = world_call(w, "GET", b.key, S("/v1/app/feedbacks"), NULL);
	assert_int_equal(json_len(json_get(r.json, S("data"))), 0);
	r = world_call(w, "POST", a.key, rate, "{\"rating\":null,\"user\":\"u9\"}");
	expect_status(&r, 200);
	/* delete */
	struct str gone = path(w, "/v1/conversations/%.*s", conv);
	r = world_call(w, "DELETE", a.key, gone, "{\"user\":\"u1\"}");
	expect_error(&r, 404, "not_found");
	r = world_call(w, "DELETE", a.key, gone, NULL);
	expect_error(&r, 415, "unsupported_media_type");
	r = world_call(w, "DELETE", a.key, gone, "{\"user\":\"u9\"}");
	expect_status(&r, 204);
	r = world_call(w, "DELETE", a.key, gone, "{\"user\":\"u9\"}");
	expect_error(&r, 404, "not_found");
	r = chat(w, a.key, "u9", "x", conv);
	expect_error(&r, 404, "not_found");
}

static void suggestions(struct world *w)
{
	struct world_app a = world_app(w, "chat"), b = world_app(w, "chat_plain");
	struct world_reply r = chat(w, a.key, "u1", "hello", S(""));
	/* an optional input that was left out is sent as None */
	assert_int_equal(json_get_int(json_path(r.json, "metadata.usage"), S("prompt_tokens"), 0),
			 7);
	struct str id = world_text(&r, "message_id");
	r = world_call(w, "GET", a.key, path(w, "/v1/messages/%.*s/suggested?user=u1", id), NULL);
	expect_text(r.body, "{\"result\":\"success\",\"data\":[\"First question?\",\"Second "
			    "question?\",\"Third question?\"]}\n");
	r = world_call(w, "GET", a.key, path(w, "/v1/messages/%.*s/suggested?user=u2", id), NULL);
	expect_error(&r, 404, "not_found");
	r = world_call(w, "GET", a.key, path(w, "/v1/messages/%.*s/suggested", id), NULL);
	expect_error(&r, 400, "invalid_param");
	r = chat(w, b.key, "u1", "hello", S(""));
	r = world_call(w, "GET", b.key,
		       path(w, "/v1/messages/%.*s/suggested?user=u1", world_text(&r, "message_id")),
		       NULL);
	expect_error(&r, 400, "bad_request");
	expect_text(world_text(&r, "message"), "Suggested Questions Is Disabled.");
}

/* --- chatflow --- */

static void chatflows(struct world *w)
{
	struct world_app a = world_app(w, "cf_plain"), v = world_app(w, "cf_convvar");
	struct world_reply r = chat(w, a.key, "u1", "hello", S(""));
	expect_status(&r, 200);
	expect_text(world_text(&r, "answer"), "Hello hello, turn 1.");
	expect_text(world_text(&r, "mode"), "advanced-chat");
	expect_text(json_get_str(json_path(r.json, "metadata.usage"), S("total_price")), "0.0");
	r = chat(w, a.key, "u1", "again", world_text(&r, "conversation_id"));
	expect_text(world_text(&r, "answer"), "Hello again, turn 2.");
	r = chat(w, v.key, "u7", "one", S(""));
	expect_status(&r, 200);
	struct str conv = world_text(&r, "conversation_id");
	r = chat(w, v.key, "u7", "two", conv);
	expect_text(world_text(&r, "answer"), "count=2 log=- one\n- two obj={\n  \"k\": true\n}");
	struct str list = path(w, "/v1/conversations/%.*s/variables?user=u7", conv);
	r = world_call(w, "GET", v.key, list, NULL);
	expect_status(&r, 200);
	const struct json *count = json_at(json_get(r.json, S("data")), 0),
			  *log = json_at(json_get(r.json, S("data")), 1);
	expect_text(json_get_str(count, S("name")), "count");
	expect_text(json_get_str(count, S("value")), "2");
	expect_text(json_get_str(count, S("value_type")), "number");
	expect_text(json_get_str(log, S("value")), "[\"one\", \"two\"]");
	struct str one = arena_printf(w->mem, "/v1/conversations/%.*s/variables/%.*s", STR(conv),
				      STR(json_get_str(count, S("id"))));
	r = world_call(w, "PUT", v.key, one, "{\"user\":\"u7\",\"value\":5}");
	expect_text(world_text(&r, "value"), "5");
	r = world_call(w, "PUT", v.key, one, "{\"user\":\"u7\",\"value\":2.5}");
	expect_error(&r, 400, "invalid_param");
	r = world_call(w, "PUT", v.key, one, "{\"user\":\"u7\",\"value\":\"x\"}");
	expect_error(&r, 400, "bad_request");
	expect_text(world_text(&r, "message"),
		    "Type mismatch: variable 'count' expects number, but got string type");
	r = world_call(w, "PUT", v.key, one, "{\"user\":\"u7\",\"value\":null}");
	expect_text(world_text(&r, "message"),
		    "Type mismatch: variable 'count' expects number, but got none type");
	r = world_call(w, "PUT", v.key, one, "{\"user\":\"u7\"}");
	expect_error(&r, 400, "invalid_param");
	r = world_call(w, "PUT", v.key, one, "{\"user\":\"u1\",\"value\":1}");
	expect_error(&r, 404, "not_found");
	r = world_call(w, "GET", v.key, arena_printf(w->mem, "%.*s&variable_name=log", STR(list)),
		       NULL);
	assert_int_equal(json_len(json_get(r.json, S("data"))), 1);
	r = world_call(w, "GET", v.key, arena_printf(w->mem, "%.*s&limit=1", STR(list)), NULL);
	assert_true(json_get_bool(r.json, S("has_more"), false));
	r = world_call(w, "GET", v.key,
		       arena_printf(w->mem, "%.*s&variable_name=a%%20b!", STR(list)), NULL);
	expect_error(&r, 400, "invalid_param");
	r = chat(w, v.key, "u7", "three", conv);
	assert_true(str_starts(world_text(&r, "answer"), S("count=6 ")));
}

/* --- workflows --- */

static void workflows(struct world *w)
{
	struct world_app a = world_app(w, "wf_echo"), b = world_app(w, "wf_inputs");
	struct world_reply r = world_call(w, "POST", a.key, S("/v1/workflows/run"),
					  "{\"inputs\":{\"city\":\"Oslo\"},\"user\":\"u1\"}");
	expect_status(&r, 200);
	expect_text(world_text(&r, "data.status"), "succeeded");
	expect_text(world_text(&r, "data.outputs.city"), "Oslo");
	assert_int_equal(json_get_int(json_get(r.json, S("data")), S("total_steps"), 0), 2);
	struct str run = world_text(&r, "workflow_run_id"), wf = world_text(&r, "data.workflow_id");
	r = world_call(w, "POST", a.key, path(w, "/v1/workflows/%.*s/run", wf),
		       "{\"inputs\":{\"city\":\"Oslo\"},\"user\":\"u1\"}");
	expect_text(world_text(&r, "data.outputs.city"), "Oslo");
	r = world_call(w, "POST", b.key, path(w, "/v1/workflows/%.*s/run", wf),
		       "{\"inputs\":{},\"user\":\"u1\"}");
	expect_error(&r, 404, "not_found");
	r = world_call(w, "POST", a.key, S("/v1/workflows/xyz/run"),
		       "{\"inputs\":{},\"user\":\"u1\"}");
	expect_error(&r, 400, "bad_request");
	r = world_call(w, "POST", a.key, S("/v1/workflows/run"), "{\"inputs\":{},\"user\":\"u1\"}");
	expect_error(&r, 400, "invalid_param");
	r = world_call(w, "GET", a.key, path(w, "/v1/workflows/run/%.*s", run), NULL);
	expect_text(world_text(&r, "status"), "succeeded");
	expect_text(world_text(&r, "outputs"), "{\"city\": \"Oslo\"}");
	assert_true(
		str_starts(world_text(&r, "inputs"),
			   S("{\"city\": \"Oslo\", \"sys.files\": [], \"sys.user_id\": \"u1\", ")));
	r = world_call(w, "GET", b.key, path(w, "/v1/workflows/run/%.*s", run), NULL);
	assert_true(json_is(json_get(r.json, S("id")), JSON_NULL));
	r = world_call(w, "GET", a.key, S("/v1/workflows/run/xyz"), NULL);
	expect_error(&r, 404, "not_found");
	r = world_call(w, "GET", a.key, S("/v1/workflows/logs?limit=1"), NULL);
	assert_int_equal(json_get_int(r.json, S("total"), 0), 2);
	assert_true(json_get_bool(r.json, S("has_more"), false));
	const struct json *row = json_at(json_get(r.json, S("data")), 0);
	expect_text(json_get_str(row, S("created_from")), "service-api");
	expect_text(json_get_str(json_get(row, S("created_by_end_user")), S("session_id")), "u1");
	r = world_call(w, "GET", a.key,
		       S("/v1/workflows/logs?created_by_end_user_session_id=nobody"), NULL);
	assert_int_equal(json_get_int(r.json, S("total"), -1), 0);
	r = world_call(w, "GET", a.key, S("/v1/workflows/logs?status=zzz"), NULL);
	expect_error(&r, 400, "invalid_param");
	r = world_call(w, "GET", a.key, S("/v1/workflows/logs?created_by_account=x@example.com"),
		       NULL);
	expect_error(&r, 400, "invalid_param");
	r = world_call(
		w, "POST", a.key, S("/v1/workflows/run"),
		"{\"inputs\":{\"city\":\"Oslo\"},\"user\":\"u1\",\"response_mode\":\"streaming\"}");
	assert_int_equal(count_events(r.body, "workflow_started"), 1);
	assert_int_equal(count_events(r.body, "node_finished"), 2);
	assert_int_equal(count_events(r.body, "text_chunk"), 1);
	assert_int_equal(count_events(r.body, "workflow_finished"), 1);
	/* its events again */
	r = world_call(w, "GET", a.key, path(w, "/v1/workflow/%.*s/events?user=u1", run), NULL);
	expect_status(&r, 200);
	assert_int_equal(count_events(r.body, "workflow_finished"), 1);
	assert_int_equal(count_events(r.body, ""), 1);
	r = world_call(w, "GET", a.key, path(w, "/v1/workflow/%.*s/events?user=u2", run), NULL);
	expect_error(&r, 404, "not_found");
	r = world_call(w, "GET", b.key, path(w, "/v1/workflow/%.*s/events?user=u1", run), NULL);
	expect_error(&r, 404, "not_found");
	r = world_call(w, "GET", a.key, path(w, "/v1/workflow/%.*s/events", run), NULL);
	expect_error(&r, 400, "invalid_param");
}

/* A running chat: seen by another reader, limited, stopped by its user only. */
struct slow {
	struct world *w;
	struct world_app app;
	struct str task_id;
	struct world_reply reply;
	bool done;
};

static status slow_chat(void *arg)
{
	struct slow *s = arg;
	s->reply = world_call(s->w, "POST", s->app.key, S("/v1/chat-messages"),
			      "{\"inputs\":{},\"query\":\"[[slow]]\",\"user\":\"u1\",\"response_"
			      "mode\":\"streaming\"}");
	s->done = true;
	return 0;
}

static void stops_and_limits(struct world *w)
{
	struct slow s = {.w = w, .app = world_app(w, "chat_plain")};
	struct app *app;
	assert_int_equal(app_get(w->s.apps, w->mem, w->tenant_id, s.app.id, &app), 0);
	app->max_active_requests = 1;
	assert_int_equal(app_update(w->s.apps, w->mem, app), 0);
	w->hold = true;
	AUTO(group) g = {group_open(DEADLINE_NONE)};
	assert_int_equal(group_spawn(g.p, "slow", slow_chat, &s), 0);
	while (flow_active(w->s.flow, s.app.id) == 0)
		assert_int_equal(fiber_sleep_ms(10), 0);
	struct world_reply r = chat(w, s.app.key, "u2", "x", S(""));
	expect_error(&r, 429, "too_many_requests");
	/* its task, from the record of the run */
	struct flow_list f = {.app_id = s.app.id, .page = 1, .limit = 1, .from = S("app-run")};
	struct flow_record *rows;
	size_t n;
	int64_t total;
	assert_int_equal(flow_run_list(w->s.flow, w->mem, w->tenant_id, &f, &rows, &n, &total), 0);
	assert_int_equal(n, 1);
	struct str stop = path(w, "/v1/chat-messages/%.*s/stop", rows[0].info.task_id);
	r = world_call(w, "POST", s.app.key, stop, "{\"user\":\"u2\"}");
	expect_status(&r, 200);
	assert_int_equal(fiber_sleep_ms(300), 0);
	assert_false(s.done);
	r = world_call(w, "POST", s.app.key, stop, "{\"user\":\"u1\"}");
	expect_status(&r, 200);
	assert_int_equal(group_wait(g.p), 0); /* though the model is not through */
	w->hold = false;
	assert_int_equal(count_events(s.reply.body, "message_end"), 1);
	assert_int_equal(count_events(s.reply.body, "error"), 0);
	assert_true(str_has(s.reply.body, S("\"total_price\":\"0E-7\"")));
}

/* --- files --- */

static void files(struct world *w)
{
	struct world_app a = world_app(w, "chat_vision"), b = world_app(w, "chat_plain");
	static const char png[] = "\x89PNG\r\n\x1a\n0123456789";
	struct str bytes = str_of(png, sizeof(png) - 1);
	struct world_reply r = world_upload(w, a.key, "p.png", "image/png", bytes);
	expect_status(&r, 201);
	expect_text(world_text(&r, "name"), "p.png");
	expect_text(world_text(&r, "extension"), "png");
	assert_int_equal(json_get_int(r.json, S("size"), 0), (int64_t)bytes.len);
	struct str id = world_text(&r, "id"), link = world_text(&r, "source_url");
	assert_true(str_starts(link, S("http://files.example/files/")));
	struct str preview = path(w, "/v1/files/%.*s/preview", id);
	r = world_call(w, "GET", a.key, preview, NULL);
	expect_error(&r, 404, "file_not_found");
	r = world_call(
		w, "POST", a.key, S("/v1/chat-messages"),
		arena_cstr(
			w->mem,
			arena_printf(
				w->mem,
				"{\"inputs\":{},\"query\":\"look\",\"user\":\"u1\",\"files\":[{"
				"\"type\":\"image\","
				"\"transfer_method\":\"local_file\",\"upload_file_id\":\"%.*s\"}]}",
				STR(id))));
	expect_status(&r, 200);
	struct str conv = world_text(&r, "conversation_id");
	r = world_call(w, "GET", a.key, preview, NULL);
	expect_status(&r, 200);
	assert_true(str_eq(r.body, bytes));
	assert_true(str_eq(client_header(r.head, S("content-type")), S("image/png")));
	assert_true(str_eq(client_header(r.head, S("cache-control")), S("public, max-age=3600")));
	r = world_call(w, "GET", a.key,
		       arena_printf(w->mem, "%.*s?as_attachment=true", STR(preview)), NULL);
	assert_true(str_eq(client_header(r.head, S("content-disposition")),
			   S("attachment; filename*=UTF-8''p.png")));
	r = world_call(w, "GET", b.key, preview, NULL);
	expect_error(&r, 403, "file_access_denied");
	/* the signed link, and one with a changed signature */
	struct str signed_path = str_skip(link, S("http://files.example").len);
	r = world_call(w, "GET", S(""), signed_path, NULL);
	expect_status(&r, 200);
	assert_true(str_eq(r.body, bytes));
	r = world_call(w, "GET", S(""), arena_printf(w->mem, "%.*sx", STR(signed_path)), NULL);
	expect_error(&r, 404, "not_found");
	r = world_call(w, "GET", a.key, path(w, "/v1/messages?user=u1&conversation_id=%.*s", conv),
		       NULL);
	const struct json *file =
		json_at(json_get(json_at(json_get(r.json, S("data")), 0), S("message_files")), 0);
	expect_text(json_get_str(file, S("upload_file_id")), arena_cstr(w->mem, id));
	expect_text(json_get_str(file, S("belongs_to")), "user");
	static const struct {
		const char *name, *type;
		int status;
		const char *code;
	} bad[] = {
		{"a.txt",   NULL,         415, "unsupported_file_type"},
		{"",        "text/plain", 400, "no_file_uploaded"     },
		{"a/b.txt", "text/plain", 400, "invalid_param"        },
	};
	for (size_t i = 0; i < countof(bad); i++) {
		r = world_upload(w, a.key, bad[i].name, bad[i].type, S("x"));
		expect_error(&r, bad[i].status, bad[i].code);
	}
	r = world_upload(w, a.key, "e.txt", "text/plain", S(""));
	expect_status(&r, 201);
	size_t big = 11 << 20;
	char *much = arena_text(w->mem, big);
	memset(much, 'x', big);
	r = world_upload(w, a.key, "big.png", "image/png", str_of(much, big));
	expect_error(&r, 413, "file_too_large");
	r = world_upload(w, a.key, "big.txt", "text/plain", str_of(much, big));
	expect_status(&r, 201);
	r = world_call(w, "POST", a.key, S("/v1/files/upload"), "{\"user\":\"u1\"}");
	expect_error(&r, 400, "no_file_uploaded");
}

/* --- information --- */

static void information(struct world *w)
{
	struct world_app a = world_app(w, "chat"), b = world_app(w, "wf_inputs");
	struct world_reply r = world_call(w, "GET", a.key, S("/v1/info"), NULL);
	expect_text(r.body, "{\"name\":\"chat\",\"description\":\"Golden recording: "
			    "chat\",\"tags\":[],\"mode\":\"chat\",\"author_name\":\"admin\"}\n");
	r = world_call(w, "GET", a.key, S("/v1/meta"), NULL);
	expect_text(r.body, "{\"tool_icons\":{}}\n");
	r = world_call(w, "GET", a.key, S("/v1/parameters"), NULL);
	expect_text(world_text(&r, "opening_statement"), "Hi from {{city}}");
	assert_int_equal(
		json_get_int(json_get(r.json, S("system_parameters")), S("file_size_limit"), 0),
		15);
	r = world_call(w, "GET", b.key, S("/v1/parameters"), NULL);
	assert_int_equal(json_len(json_get(r.json, S("user_input_form"))), 6);
	r = world_call(w, "GET", a.key, S("/v1/site"), NULL);
	expect_text(world_text(&r, "title"), "chat");
	r = chat(w, a.key, "u5", "hello", S(""));
	struct end_user *u;
	assert_int_equal(end_user_get(w->s.accounts, w->mem, w->tenant_id, a.id, S("service-api"),
				      S("u5"), &u),
			 0);
	r = world_call(w, "GET", a.key, path(w, "/v1/end-users/%.*s", u->id), NULL);
	expect_text(world_text(&r, "session_id"), "u5");
	r = world_call(w, "GET", b.key, path(w, "/v1/end-users/%.*s", u->id), NULL);
	expect_error(&r, 404, "end_user_not_found");
}

/* --- moderation --- */

static void moderation(struct world *w)
{
	struct world_app a = world_app(w, "chat_moderation"), b = world_app(w, "cf_moderation");
	struct world_reply r = world_call(w, "POST", a.key, S("/v1/chat-messages"),
					  "{\"inputs\":{},\"query\":\"a Forbidden "
					  "word\",\"user\":\"u1\",\"auto_generate_name\":false}");
	expect_text(world_text(&r, "answer"), "Blocked input.");
	r = world_call(w, "POST", b.key, S("/v1/chat-messages"),
		       "{\"inputs\":{},\"query\":\"a "
		       "secret\",\"user\":\"u1\",\"auto_generate_name\":false}");
	expect_text(world_text(&r, "answer"), "Blocked input.");
	r = world_call(w, "POST", a.key, S("/v1/chat-messages"),
		       "{\"inputs\":{},\"query\":\"forbidden\",\"user\":\"u3\",\"response_mode\":"
		       "\"streaming\","
		       "\"auto_generate_name\":false}");
	assert_int_equal(count_events(r.body, "message\""), 14);
	assert_int_equal(w->model_calls, 0);
	r = world_call(w, "GET", a.key, S("/v1/conversations?user=u3"), NULL);
	struct str conv = json_get_str(json_at(json_get(r.json, S("data")), 0), S("id"));
	r = world_call(w, "GET", a.key, path(w, "/v1/messages?user=u3&conversation_id=%.*s", conv),
		       NULL);
	expect_text(json_get_str(json_at(json_get(r.json, S("data")), 0), S("answer")),
		    "Blocked input.");
	/* what the model says is checked too, and what is stored */
	r = chat(w, a.key, "u4", "[[word]]", S(""));
	expect_text(world_text(&r, "answer"), "Blocked output.");
	r = world_call(w, "GET", a.key,
		       path(w, "/v1/messages?user=u4&conversation_id=%.*s",
			    world_text(&r, "conversation_id")),
		       NULL);
	expect_text(json_get_str(json_at(json_get(r.json, S("data")), 0), S("answer")),
		    "Blocked output.");
}

/* --- web app --- */

static void web_app(struct world *w)
{
	struct world_app a = world_app(w, "chat_plain"), f = world_app(w, "cf_plain");
	struct world_reply r = world_call(w, "GET", S(""), S("/api/passport"), NULL);
	expect_error(&r, 401, "unauthorized");
	struct end_user *u, *other;
	assert_int_equal(
		end_user_get(w->s.accounts, w->mem, w->tenant_id, a.id, S("browser"), S("v1"), &u),
		0);
	assert_int_equal(end_user_get(w->s.accounts, w->mem, w->tenant_id, a.id, S("browser"),
				      S("v2"), &other),
			 0);
	struct str pass = passport_make(w->s.accounts, w->mem, a.id, a.site_code, u->id);
	struct str stranger = passport_make(w->s.accounts, w->mem, a.id, a.site_code, other->id);
	r = world_site(w, "GET", pass, S("/api/site"), NULL);
	expect_text(world_text(&r, "site.title"), "chat_plain");
	r = world_site(w, "POST", pass, S("/api/chat-messages"),
		       "{\"inputs\":{},\"query\":\"one\"}");
	expect_status(&r, 200);
	expect_text(json_text(w->mem, json_get(r.json, S("metadata")), JSON_COMPACT),
		    "{\"retriever_resources\":[]}");
	struct str conv = world_text(&r, "conversation_id");
	r = world_site(w, "GET", pass, S("/api/conversations"), NULL);
	expect_text(json_get_str(json_at(json_get(r.json, S("data")), 0), S("id")),
		    arena_cstr(w->mem, conv));
	r = world_site(w, "GET", stranger, S("/api/conversations"), NULL);
	assert_int_equal(json_len(json_get(r.json, S("data"))), 0);
	r = world_site(w, "PATCH", pass, path(w, "/api/conversations/%.*s/pin", conv), NULL);
	expect_status(&r, 200);
	r = world_site(w, "GET", pass, S("/api/conversations?pinned=true"), NULL);
	assert_int_equal(json_len(json_get(r.json, S("data"))), 1);
	r = world_site(w, "GET", pass, S("/api/conversations?pinned=false"), NULL);
	assert_int_equal(json_len(json_get(r.json, S("data"))), 0);
	r = world_site(w, "PATCH", stranger, path(w, "/api/conversations/%.*s/unpin", conv), NULL);
	expect_error(&r, 404, "not_found");
	r = world_site(w, "GET", pass, path(w, "/api/messages?conversation_id=%.*s", conv), NULL);
	assert_true(
		json_is(json_get(json_at(json_get(r.json, S("data")), 0), S("parent_message_id")),
			JSON_NULL));
	r = world_site(w, "DELETE", pass, path(w, "/api/conversations/%.*s", conv), NULL);
	expect_status(&r, 204);
	assert_int_equal(
		end_user_get(w->s.accounts, w->mem, w->tenant_id, f.id, S("browser"), S("v1"), &u),
		0);
	pass = passport_make(w->s.accounts, w->mem, f.id, f.site_code, u->id);
	r = world_site(w, "POST", pass, S("/api/chat-messages"),
		       "{\"inputs\":{},\"query\":\"hi\",\"response_mode\":\"streaming\"}");
	assert_int_equal(count_events(r.body, "node_finished"), 2);
	assert_false(str_has(r.body, S("inputs_truncated")));
	assert_true(str_has(r.body, S("\"process_data\":null,\"outputs\":null")));
}

#define IN_WORLD(name)                         \
	static void test_##name(void **unused) \
	{                                      \
		(void)unused;                  \
		with_world(name);              \
	}
IN_WORLD(chats)
IN_WORLD(refusals)
IN_WORLD(streams)
IN_WORLD(completions)
IN_WORLD(conversations)
IN_WORLD(suggestions)
IN_WORLD(chatflows)
IN_WORLD(workflows)
IN_WORLD(stops_and_limits)
IN_WORLD(files)
IN_WORLD(information)
IN_WORLD(moderation)
IN_WORLD(web_app)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chats),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_completions),
		cmocka_unit_test(test_conversations),
		cmocka_unit_test(test_suggestions),
		cmocka_unit_test(test_chatflows),
		cmocka_unit_test(test_workflows),
		cmocka_unit_test(test_stops_and_limits),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_information),
		cmocka_unit_test(test_moderation),
		cmocka_unit_test(test_web_app),
	};
	return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
