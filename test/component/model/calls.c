/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls to a real server over a socket: the recorded mock (TATARA_SHARED/golden/mock_model.py) and
 * an odd one. Without the recorded files the test is skipped (77).
 */
#include "os/os.h"
#include "talk_model.h"

static const char *mock_path;
#define TENANT S("t-1")

struct world {
	struct arena *mem;
	struct proc *mock;
	int hold_fd;
	int port, odd;
	struct db *db;
	struct client *client;
	struct models *models;
	char dir[64];
};

static status start_mock(struct world *w)
{
	int in[2], out[2];
	char line[64] = { 0 };
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		return err_errno("pipe");
	const char *argv[] = { "python3", MOCK_SCRIPT, mock_path, NULL };
	struct proc_options o = { .argv = argv, .stdin_fd = in[0], .stdout_fd = out[1], .stderr_fd = 2 };
	if (proc_spawn(&o, &w->mock))
		return -1;
	close(in[0]);
	close(out[1]);
	w->hold_fd = in[1];
	size_t n = 0;
	while (n + 1 < sizeof line && !strchr(line, '\n')) {
		ssize_t r = read(out[0], line + n, sizeof line - 1 - n);
		if (r <= 0)
			return err_set(ERR_IO, "the mock did not start");
		n += (size_t)r;
	}
	close(out[0]);
	char *end;
	w->port = (int)strtol(line, &end, 10);
	w->odd = (int)strtol(end, NULL, 10);
	return w->port && w->odd ? 0 : err_set(ERR_IO, "no ports: %s", line);
}

static status world_open(struct world *w)
{
	static const unsigned char seal[CRYPT_KEY_LEN] = "component test key";
	struct migrate_report report;
	strcpy(w->dir, "/tmp/tatara-model-XXXXXX"); /* NOLINT: the buffer is longer */
	if (!mkdtemp(w->dir))
		return err_errno("mkdtemp");
	struct db_options o = { .sqlite_path = arena_printf(w->mem, "%s/db", w->dir) };
	struct client_options co = { 0 };
	if (start_mock(w) || db_open(&o, &w->db) || db_migrate(w->db, false, &report) ||
	    client_open(&co, &w->client))
		return -1;
	struct models_options mo = { .db = w->db, .client = w->client, .seal_key = seal };
	return models_open(&mo, &w->models);
}

static void world_close(struct world *w)
{
	models_close(w->models);
	client_close(w->client);
	db_close(w->db);
	if (w->hold_fd)
		close(w->hold_fd);
	proc_close(w->mock);
	char cmd[128];
	snprintf(cmd, sizeof cmd, "rm -rf '%s'", w->dir);
	CHECK(system(cmd) == 0);
}

static struct str url_of(struct world *w, const char *kind)
{
	return *kind ? arena_printf(w->mem, "http://127.0.0.1:%d/%s/v1", w->odd, kind)
		     : arena_printf(w->mem, "http://127.0.0.1:%d/v1", w->port);
}

static void add_model(struct world *w, const char *name, enum model_type type, const char *kind,
		      const char *settings)
{
	struct json *s;
	struct str id;
	CHECK_OK(json_parse(w->mem, str_c(settings), &s));
	struct model_set set = { .tenant_id = TENANT, .provider = S("openai_api_compatible"),
				 .name = str_c(name), .base_url = url_of(w, kind), .type = type,
				 .api_key = S("sk-component-test"), .settings = s };
	CHECK_OK(models_set(w->models, w->mem, &set, &id));
	CHECK(id.len == 36);
}

static struct json *talk(struct world *w, const char *text)
{
	struct json *list = json_arr(w->mem), *m = json_push(w->mem, list, json_obj(w->mem));
	json_set_str(w->mem, m, S("role"), S("user"));
	json_set_str(w->mem, m, S("content"), str_c(text));
	return list;
}

static status collect(void *arg, struct str piece)
{
	CHECK(piece.len > 0);
	buf_put(arg, piece);
	buf_putc(arg, '|');
	return 0;
}

static status ask(struct world *w, const char *model, const struct json *messages, struct buf *pieces,
		  struct model_answer **a)
{
	struct model_request q = { .tenant_id = TENANT, .provider = S("openai_api_compatible"),
				   .name = str_c(model), .messages = messages, .user = S("u1") };
	return models_chat(w->models, w->mem, &q, pieces ? collect : NULL, pieces, a);
}

static struct json *seen(struct world *w)
{
	struct client_request r = { .method = HTTP_GET };
	struct client_response *answer;
	struct json *v = NULL;
	r.url = arena_printf(w->mem, "http://127.0.0.1:%d/seen", w->port);
	CHECK_OK(client_fetch(w->client, w->mem, &r, &answer));
	CHECK_OK(json_parse(w->mem, answer->body, &v));
	return v;
}

static bool is(struct str a, const char *b)
{
	if (!str_eq(a, str_c(b)))
		printf("got \"%.*s\", want \"%s\"\n", STR(a), b);
	return str_eq(a, str_c(b));
}

static void chat_streams(struct world *w)
{
	struct model_answer *a = NULL;
	struct buf pieces = buf_make(w->mem, 0);
	CHECK_OK(ask(w, "mock", talk(w, "Hello there"), &pieces, &a));
	if (!a)
		return;
	CHECK(is(a->text, "You said: Hello there"));
	CHECK(is(buf_str(&pieces), "You |said: |Hello |there|"));
	CHECK(is(a->finish_reason, "stop"));
	CHECK(a->usage.prompt_tokens == 2 && a->usage.completion_tokens == 4);
	CHECK(a->usage.total_tokens == 6 && !a->usage.estimated);
	CHECK(a->usage.first_token > 0 && a->usage.latency >= a->usage.first_token);
	struct json *s = seen(w);
	CHECK(is(json_get_str(s, S("key")), "Bearer sk-component-test"));
	CHECK(is(json_as_str(json_path(s, "last.user"), S("")), "u1"));
}

static void vision_parts_arrive(struct world *w)
{
	struct json *list = talk(w, ""), *content = json_arr(w->mem), *part;
	part = json_push(w->mem, content, json_obj(w->mem));
	json_set_str(w->mem, part, S("type"), S("text"));
	json_set_str(w->mem, part, S("text"), S("look "));
	part = json_push(w->mem, content, json_obj(w->mem));
	json_set_str(w->mem, part, S("type"), S("image_url"));
	struct json *url = json_set(w->mem, part, S("image_url"), json_obj(w->mem));
	json_set_str(w->mem, url, S("url"), S("data:image/png;base64,AAAA"));
	json_set(w->mem, json_at(list, 0), S("content"), content);
	struct model_answer *a;
	CHECK_OK(ask(w, "mock", list, NULL, &a));
	CHECK(is(a->text, "You said: look <image_url>"));
	struct model_features f;
	CHECK_OK(models_features(w->models, w->mem, TENANT, S("openai_api_compatible"), S("mock"), &f));
	CHECK(f.vision && f.tools && !f.schema && f.context_size == 8192 && !f.quotes_only);
	CHECK_OK(models_features(w->models, w->mem, TENANT, S("openai_api_compatible"), S("plain"), &f));
	CHECK(!f.vision && !f.tools && !f.schema);
}

static void tools_are_called(struct world *w)
{
	struct json *tools;
	CHECK_OK(json_parse(w->mem, S("[{\"type\":\"function\",\"function\":{\"name\":\"current_time\","
				      "\"parameters\":{\"type\":\"object\",\"properties\":{\"timezone\":"
				      "{\"type\":\"string\"}}}}}]"), &tools));
	struct model_request q = { .tenant_id = TENANT, .provider = S("openai_api_compatible"),
				   .name = S("mock"), .messages = talk(w, "what time is it"),
				   .tools = tools };
	struct model_answer *a;
	CHECK_OK(models_chat(w->models, w->mem, &q, NULL, NULL, &a));
	CHECK(is(a->finish_reason, "tool_calls") && a->text.len == 0);
	CHECK(is(json_text(w->mem, a->tool_calls, 0),
		 "[{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"current_time\","
		 "\"arguments\":\"{\\\"timezone\\\": \\\"UTC\\\"}\"}}]"));
	struct json *messages = talk(w, "what time is it");
	struct json *m = json_push(w->mem, messages, json_obj(w->mem));
	json_set_str(w->mem, m, S("role"), S("assistant"));
	json_set_null(w->mem, m, S("content"));
	json_set(w->mem, m, S("tool_calls"), a->tool_calls);
	m = json_push(w->mem, messages, json_obj(w->mem));
	json_set_str(w->mem, m, S("role"), S("tool"));
	json_set_str(w->mem, m, S("tool_call_id"), S("call_1"));
	json_set_str(w->mem, m, S("content"), S("12:00"));
	q.messages = messages;
	CHECK_OK(models_chat(w->models, w->mem, &q, NULL, NULL, &a));
	CHECK(is(a->text, "It is 12:00 now."));
	struct json *schema;
	CHECK_OK(json_parse(w->mem, S("{\"type\":\"object\",\"properties\":{\"name\":{}}}"), &schema));
	q = (struct model_request){ .tenant_id = TENANT, .name = S("mock"), .messages = talk(w, "Ann"),
				    .schema = schema };
	CHECK_OK(models_chat(w->models, w->mem, &q, NULL, NULL, &a));
	CHECK(is(a->text, "{\"name\": \"Ann\", \"age\": 30}"));
	CHECK(is(json_as_str(json_path(seen(w), "last.response_format.type"), S("")), "json_schema"));
}

/* What the vendor refuses is one kind of failure for clients, in our short words. */
static void refusals_are_told(struct world *w)
{
	static const struct {
		const char *model, *text, *want;
		const char *slug;
	} cases[] = {
		{ "mock", "[[fail:400]]", "Model mock: the server answered 400: mock failure", "invalid_param" },
		{ "mock", "[[fail:401]]", "Model mock: the server answered 401: mock failure", "invalid_param" },
		{ "mock", "[[fail:500]]", "Model mock: the server answered 500: mock failure", "invalid_param" },
		{ "denied", "x", "Model denied: the server answered 401: bad key", "invalid_param" },
		{ "late", "x", "Model late: the server answered 200: overloaded", "invalid_param" },
		{ "html", "x", "Model html: the server's answer ended before it began", "invalid_param" },
		{ "absent-model", "x", "Model absent-model credentials is not initialized.",
		  "provider_not_initialize" },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct model_answer *a;
		CHECK(ask(w, cases[i].model, talk(w, cases[i].text), NULL, &a) == -1);
		CHECK(is(err_text(), cases[i].want));
		CHECK(is(err_slug(err_last()), cases[i].slug));
		CHECK(err_http(err_last()) == 400);
	}
	struct model_request q = { .tenant_id = TENANT, .provider = S("no/such/vendor"), .name = S("x"),
				   .messages = talk(w, "x") };
	struct model_answer *a;
	CHECK(models_chat(w->models, w->mem, &q, NULL, NULL, &a) == -1);
	CHECK(is(err_text(), "Provider no/such/vendor does not exist."));
	/* another workspace sees none of this one's models */
	q = (struct model_request){ .tenant_id = S("t-2"), .provider = S("openai_api_compatible"),
				    .name = S("mock"), .messages = talk(w, "x") };
	CHECK(models_chat(w->models, w->mem, &q, NULL, NULL, &a) == -1);
	CHECK(is(err_slug(err_last()), "provider_not_initialize"));
}

static void retries_stop_at_the_limit(struct world *w)
{
	struct model_answer *a;
	CHECK_OK(ask(w, "mock", talk(w, "[[failn:one:2]] [[say:after two]]"), NULL, &a));
	CHECK(is(a->text, "after two"));
	CHECK(ask(w, "mock", talk(w, "[[failn:two:3]]"), NULL, &a) == -1);
	CHECK_OK(ask(w, "busy", talk(w, "x"), NULL, &a));
	CHECK(is(a->text, "third time"));
	int64_t before = json_get_int(seen(w), S("requests"), 0);
	CHECK(ask(w, "mock", talk(w, "[[fail:400]]"), NULL, &a) == -1);
	CHECK(json_get_int(seen(w), S("requests"), 0) == before + 1);
}

static void odd_servers_are_understood(struct world *w)
{
	struct model_answer *a;
	CHECK_OK(ask(w, "think", talk(w, "x"), NULL, &a));
	CHECK(is(a->text, "<think>\nhm\n</think>yes") && is(a->reasoning, "hm"));
	CHECK_OK(ask(w, "strict", talk(w, "12345678"), NULL, &a));
	CHECK(is(a->text, "no usage here"));
	CHECK(a->usage.estimated && a->usage.prompt_tokens == 6 && a->usage.completion_tokens == 4);
	CHECK_OK(ask(w, "whole", talk(w, "x"), NULL, &a));
	CHECK(is(a->text, "all at once") && a->usage.total_tokens == 4);
	CHECK_OK(ask(w, "plain-text", talk(w, "upon a time"), NULL, &a));
	CHECK(is(a->text, "Once upon a time."));
}

struct slow {
	struct world *w;
	size_t pieces;
	struct group *group;
};

static status leave_early(void *arg, struct str piece)
{
	struct slow *s = arg;
	if (++s->pieces == 3)
		group_cancel(s->group);
	return 0;
}

static status slow_call(void *arg)
{
	struct slow *s = arg;
	struct world *w = s->w;
	struct model_answer *a;
	struct model_request q = { .tenant_id = TENANT, .name = S("mock"),
				   .messages = talk(w, "[[slow:50:200]]") };
	return models_chat(w->models, w->mem, &q, leave_early, s, &a);
}

/* A cancelled fiber ends at once, and the server sees the connection go. */
static void cancelling_reaches_the_server(struct world *w)
{
	int64_t before = json_get_int(seen(w), S("broken"), 0);
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	struct slow s = { .w = w, .group = g.p };
	CHECK_OK(group_spawn(g.p, "slow call", slow_call, &s));
	CHECK(group_wait(g.p) == -1);
	CHECK(err_code() == ERR_CANCELLED);
	CHECK(s.pieces >= 3 && s.pieces < 200); /* of 200 */
	int64_t broken = before;
	for (int i = 0; i < 1200 && broken == before; i++) {
		CHECK_OK(fiber_sleep_ms(50));
		broken = json_get_int(seen(w), S("broken"), 0);
	}
	CHECK(broken == before + 1);
}

static void deadlines_end_calls(struct world *w)
{
	struct model_answer *a;
	deadline saved = deadline_push(deadline_in_ms(300));
	CHECK(ask(w, "mock", talk(w, "[[slow:100:100]]"), NULL, &a) == -1);
	CHECK(err_code() == ERR_TIMEOUT);
	deadline_pop(saved);
}

struct steps {
	struct world *w;
	int n;
};

/* Tells the server that its piece is here; it sends the next one only then. */
static status step(void *arg, struct str piece)
{
	struct steps *s = arg;
	struct client_response *answer;
	struct client_request r = { .method = HTTP_GET };
	CHECK(is(piece, arena_cstr(s->w->mem, arena_printf(s->w->mem, "%d ", s->n))));
	s->n++;
	r.url = arena_printf(s->w->mem, "http://127.0.0.1:%d/next", s->w->odd);
	CHECK_OK(client_fetch(s->w->client, s->w->mem, &r, &answer));
	return 0;
}

/* A piece that waited for the one behind it in any buffer would never come. */
static void pieces_are_passed_on_at_once(struct world *w)
{
	struct steps s = { .w = w };
	struct model_request q = { .tenant_id = TENANT, .name = S("stepwise"), .messages = talk(w, "x") };
	struct model_answer *a;
	CHECK_OK(models_chat(w->models, w->mem, &q, step, &s, &a));
	CHECK(s.n == 20);
}

static void embeddings_and_ranks(struct world *w)
{
	struct str texts[40];
	float *v = NULL;
	size_t dims = 0, n = 0;
	struct model_usage u;
	for (size_t i = 0; i < countof(texts); i++)
		texts[i] = arena_printf(w->mem, "text number %zu about cats", i % 2);
	CHECK_OK(models_embed(w->models, w->mem, TENANT, S("openai_api_compatible"), S("embed"), texts,
			      countof(texts), false, &v, &dims, &u));
	CHECK(dims == 32 && u.total_tokens == 20); /* 4 requests of 10 with 5 tokens each */
	float same = 0, length = 0;
	for (size_t k = 0; v && k < dims; k++) {
		same += v[k] * v[2 * dims + k];
		length += v[dims + k] * v[dims + k];
	}
	CHECK(same > 0.999f && length > 0.999f && length < 1.001f);
	struct model_rank *ranks;
	struct str docs[] = { S("the dog sleeps"), S("red apples and pears"), S("a red apple") };
	CHECK_OK(models_rerank(w->models, w->mem, TENANT, S("openai_api_compatible"), S("rank"),
			       S("red apple"), docs, 3, 2, &ranks, &n));
	CHECK(n == 2 && ranks[0].index == 2 && ranks[1].index == 1);
	CHECK(ranks[0].score > ranks[1].score);
}

static void checks_give_advice(struct world *w)
{
	static const struct {
		const char *name, *kind, *url, *want;
	} cases[] = {
		{ "mock", "", NULL, NULL },
		{ "denied", "denied", NULL, "The key was not accepted" },
		{ "absent", "absent", NULL, "this server offers: alpha, beta" },
		{ "x", NULL, "http://127.0.0.1:9/v1", "Check that the server runs" },
		{ "x", NULL, "ftp://example", "base_url" },
		{ "x", NULL, "", "base_url" },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct model_set s = { .tenant_id = TENANT, .provider = S("openai_api_compatible"),
				       .name = str_c(cases[i].name), .api_key = S("k") };
		s.base_url = cases[i].kind ? url_of(w, cases[i].kind) : str_c(cases[i].url);
		status st = models_check(w->models, w->mem, &s);
		CHECK((st == 0) == !cases[i].want);
		if (cases[i].want && !str_has(err_text(), str_c(cases[i].want))) {
			printf("check %zu: %s\n", i, err_last()->text);
			talk_failed++;
		}
	}
	struct model_set s = { .tenant_id = TENANT, .provider = S("openai"), .name = S("gpt-4o"),
			       .api_key = S("") };
	CHECK(models_check(w->models, w->mem, &s) == -1);
	CHECK(str_has(err_text(), S("needs a key")));
}

static void records_are_kept(struct world *w)
{
	struct model_record *list;
	size_t n;
	struct str provider, name, id = S("");
	CHECK_OK(models_list(w->models, w->mem, TENANT, &list, &n));
	for (size_t i = 0; i < n; i++) {
		CHECK(is(list[i].key_hint, "sk-***est"));
		if (str_eq(list[i].name, S("plain")))
			id = list[i].id;
	}
	size_t before = n;
	/* a change without a key keeps the old one */
	struct model_set s = { .tenant_id = TENANT, .provider = S("langgenius/x/openai_api_compatible"),
			       .name = S("plain"), .base_url = url_of(w, "") };
	struct str same;
	CHECK_OK(models_set(w->models, w->mem, &s, &same));
	CHECK(str_eq(same, id));
	struct model_answer *a;
	CHECK_OK(ask(w, "plain", talk(w, "x"), NULL, &a));
	CHECK(is(json_get_str(seen(w), S("key")), "Bearer sk-component-test"));
	/* defaults */
	struct model_request q = { .tenant_id = TENANT, .messages = talk(w, "x") };
	CHECK_OK(models_chat(w->models, w->mem, &q, NULL, NULL, &a));
	CHECK(is(a->name, "mock")); /* the oldest */
	CHECK_OK(models_default_set(w->models, TENANT, MODEL_LLM, S("openai_api_compatible"), S("plain")));
	CHECK_OK(models_default_get(w->models, w->mem, TENANT, MODEL_LLM, &provider, &name));
	CHECK(is(name, "plain"));
	CHECK_OK(models_chat(w->models, w->mem, &q, NULL, NULL, &a));
	CHECK(is(a->name, "plain"));
	/* an app made for another vendor runs on the default */
	q.provider = S("langgenius/openai/openai");
	q.name = S("gpt-4o");
	CHECK_OK(models_chat(w->models, w->mem, &q, NULL, NULL, &a));
	CHECK(is(a->name, "plain"));
	CHECK(models_default_set(w->models, TENANT, MODEL_LLM, S("openai"), S("nothing")) == -1);
	CHECK_OK(models_default_set(w->models, TENANT, MODEL_LLM, S(""), S("")));
	/* removal needs the right workspace */
	CHECK(models_remove(w->models, S("t-2"), id) == -1);
	CHECK(err_code() == ERR_NOT_FOUND);
	CHECK_OK(models_remove(w->models, TENANT, id));
	CHECK_OK(models_list(w->models, w->mem, TENANT, &list, &n));
	CHECK(n + 1 == before);
	/* the same name under any provider, then any name of a provider that allows it */
	q.provider = S("ollama");
	q.name = S("mock");
	CHECK_OK(models_chat(w->models, w->mem, &q, NULL, NULL, &a));
	CHECK(is(a->name, "mock"));
	add_model(w, "any", MODEL_LLM, "", "{\"any_name\":true}");
	CHECK_OK(ask(w, "never-heard-of", talk(w, "x"), NULL, &a));
	CHECK(is(a->name, "never-heard-of"));
	CHECK(is(json_as_str(json_path(seen(w), "last.model"), S("")), "never-heard-of"));
}

/* The key is not in the database as text. */
static void keys_are_sealed(struct world *w)
{
	char cmd[160];
	snprintf(cmd, sizeof cmd, "cat '%s'/db* | grep -a -q sk-component-test", w->dir);
	CHECK(system(cmd) != 0);
}

static status scenario(void *arg)
{
	struct world *w = arg;
	bool open = !world_open(w);
	CHECK(open);
	if (!open)
		return -1;
	add_model(w, "mock", MODEL_LLM, "",
		  "{\"context_size\":\"8192\",\"function_calling_type\":\"tool_call\","
		  "\"vision_support\":\"support\",\"structured_output_support\":\"not_supported\"}");
	static const char *const odd[] = { "think", "strict", "whole", "late", "busy", "html", "denied",
					   "stepwise" };
	for (size_t i = 0; i < countof(odd); i++)
		add_model(w, odd[i], MODEL_LLM, odd[i], "{}");
	add_model(w, "plain-text", MODEL_LLM, "plain", "{\"mode\":\"completion\"}");
	add_model(w, "plain", MODEL_LLM, "",
		  "{\"function_calling_type\":\"no_call\",\"vision_support\":\"no_support\"}");
	add_model(w, "embed", MODEL_EMBEDDING, "", "{\"max_chunks\":\"10\"}");
	add_model(w, "rank", MODEL_RERANK, "", "{}");
	static const struct {
		const char *name;
		void (*fn)(struct world *);
	} parts[] = {
		{ "chat_streams", chat_streams },
		{ "vision_parts_arrive", vision_parts_arrive },
		{ "tools_are_called", tools_are_called },
		{ "refusals_are_told", refusals_are_told },
		{ "retries_stop_at_the_limit", retries_stop_at_the_limit },
		{ "odd_servers_are_understood", odd_servers_are_understood },
		{ "cancelling_reaches_the_server", cancelling_reaches_the_server },
		{ "deadlines_end_calls", deadlines_end_calls },
		{ "pieces_are_passed_on_at_once", pieces_are_passed_on_at_once },
		{ "embeddings_and_ranks", embeddings_and_ranks },
		{ "checks_give_advice", checks_give_advice },
		{ "records_are_kept", records_are_kept },
		{ "keys_are_sealed", keys_are_sealed },
	};
	for (size_t i = 0; i < countof(parts); i++) {
		int failed = talk_failed;
		parts[i].fn(w);
		printf("%s %s\n", talk_failed == failed ? "ok  " : "FAIL", parts[i].name);
	}
	world_close(w);
	return 0;
}

static void calls_work(void **unused)
{
	(void)unused;
	struct world w = { .mem = arena_open(0) };
	assert_int_equal(rt_run(&(struct rt_options){ 0 }, scenario, &w), 0);
	arena_close(w.mem);
	assert_int_equal(talk_failed, 0);
}

int main(void)
{
	static char path[4096];
	const char *shared = getenv("TATARA_SHARED");
	snprintf(path, sizeof path, "%s/golden/mock_model.py", shared ? shared : "../shared");
	if (access(path, R_OK)) {
		printf("skipped: %s is not there (TATARA_SHARED)\n", path);
		return 77;
	}
	mock_path = path;
	crypt_init();
	const struct CMUnitTest tests[] = { cmocka_unit_test(calls_work) };
	return cmocka_run_group_tests_name("model calls", tests, NULL, NULL);
}
