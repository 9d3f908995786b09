/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bundled runtime with the real weights: numbers as the engine gives them when called directly,
 * the quotes of a table of questions, the HTTP forms over a unix socket, unloading. Without weights
 * (TATARA_MODEL_FILE, else third_party/e5) skipped (77).
 */
#include "talk_model.h"

#include <math.h>

#include "base/enc.h"
#include "model/engine.h"
#include "model/quote.h"
#include "model/starter.h"
#include "net/http.h"
#include "text/guide.h"
#include "text/sentence.h"
#include "quote_cases.h"

static const char *weights;

/* The engine itself, past ours: the build that this machine uses. */
#define E5(p)                                                                                      \
	void *p##_load(const char *);                                                              \
	void p##_free(void *);                                                                     \
	int p##_embed_batch(void *, const char **, int, int, float *)
E5(portable);
#ifdef __x86_64__
E5(avx2);
#endif

static double cosine(const float *a, const float *b)
{
	double ab = 0, aa = 0, bb = 0;
	for (size_t i = 0; i < ENGINE_DIMS; i++) {
		ab += (double)a[i] * b[i];
		aa += (double)a[i] * a[i];
		bb += (double)b[i] * b[i];
	}
	return ab / sqrt(aa * bb);
}

static const char *const samples[] = { "how do I back up my data", "",
				       "\u30c7\u30fc\u30bf\u306f\u3069\u3053\u3067\u3059\u304b",
				       "A longer text. It has two sentences, and a number: 42." };

static void vectors_equal_the_engines(struct arena *mem, struct engine *e)
{
	enum { N = countof(samples) };
	float *direct = arena_array(mem, float, N * ENGINE_DIMS), *ours;
	float *other = arena_array(mem, float, N * ENGINE_DIMS);
	struct str texts[N];
	const char *list[N];
	for (size_t i = 0; i < N; i++) {
		texts[i] = str_c(samples[i]);
		list[i] = samples[i];
	}
	for (int query = 0; query < 2; query++) {
		CHECK_OK(embedder_embed(e, mem, texts, N, query, &ours, NULL));
		void *m = portable_load(weights);
		CHECK(m && !portable_embed_batch(m, list, N, query, other));
		portable_free(m);
		memcpy(direct, other, N * ENGINE_DIMS * sizeof(float));
#ifdef __x86_64__
		if (!strcmp(embedder_arithmetic(), "avx2")) {
			m = avx2_load(weights);
			CHECK(m && !avx2_embed_batch(m, list, N, query, direct));
			avx2_free(m);
		}
#endif
		for (size_t i = 0; i < N; i++) {
			const float *row = ours + i * ENGINE_DIMS;
			CHECK(cosine(row, direct + i * ENGINE_DIMS) > 0.999999);
			/* the two builds differ in rounding only */
			CHECK(cosine(other + i * ENGINE_DIMS, direct + i * ENGINE_DIMS) > 0.995);
		}
	}
}

static void quotes_fit(struct arena *mem, struct engine *e)
{
	struct buf both = buf_make(mem, 0);
	buf_put(&both, guide_text(S("en")));
	buf_puts(&both, "\n\n");
	buf_put(&both, guide_text(S("ja")));
	struct engine_stats before, first;
	float lowest_yes = 9, highest_no = 0;
	size_t wrong = 0;
	embedder_stats_get(e, &before);
	for (size_t i = 0; i < countof(quote_cases); i++) {
		const struct quote_case *c = &quote_cases[i];
		struct quote_task t = { str_c(c->question), buf_str(&both) };
		struct quote_result r;
		CHECK_OK(quote_find(e, mem, &t, &r));
		if (!i)
			embedder_stats_get(e, &first);
		float score = 2 * r.best - r.mean;
		struct str heading = r.n ? r.sentences[r.places[0].first].heading : S("");
		bool good = (r.n > 0) == (c->place != NULL) &&
			    (!c->place || str_has(heading, str_c(c->place)));
		if (c->place)
			lowest_yes = MIN(lowest_yes, score);
		else if (r.best > 0) /* else a greeting, not compared */
			highest_no = MAX(highest_no, score);
		if (!good) {
			wrong++;
			printf("question %zu: %s\n  cites \"%.*s\", best %.3f mean %.3f\n", i, c->question,
			       STR(heading), (double)r.best, (double)r.mean);
		}
	}
	printf("quotes: %zu questions, lowest score with an answer %.3f, highest without %.3f\n",
	       countof(quote_cases), (double)lowest_yes, (double)highest_no);
	/* the guide's own vectors come with the build: only the question is computed */
	CHECK(!engine_known_len || first.computed - before.computed == 1);
	CHECK(wrong == 0);
	CHECK(lowest_yes > highest_no);
}

static status keep(void *arg, struct str piece);

static void short_texts_fit(struct arena *mem, struct engine *e)
{
	for (size_t i = 0; i < countof(quote_shorts); i++) {
		const struct quote_short *c = &quote_shorts[i];
		struct quote_task t = { str_c(c->question), str_c(c->text) };
		struct buf b = buf_make(mem, 0);
		CHECK_OK(quote_answer(e, mem, &t, keep, &b));
		bool quotes = str_has(buf_str(&b), S("\n> "));
		bool good = c->cited ? quotes && str_has(buf_str(&b), str_c(c->cited)) : !quotes;
		CHECK(good);
		if (!good)
			printf("%s: %.*s\n", c->question, STR(buf_str(&b)));
	}
}

static status keep(void *arg, struct str piece)
{
	buf_put(arg, piece);
	return 0;
}

static void answers_are_markdown(struct arena *mem, struct engine *e)
{
	struct json *messages, *m;
	struct buf b = buf_make(mem, 0);
	struct json *app = starter_app_config(mem);
	messages = json_arr(mem);
	m = json_push(mem, messages, json_obj(mem));
	json_set_str(mem, m, S("role"), S("system"));
	json_set_str(mem, m, S("content"), json_get_str(app, S("pre_prompt")));
	m = json_push(mem, messages, json_obj(mem));
	json_set_str(mem, m, S("role"), S("user"));
	json_set_str(mem, m, S("content"), S("How do I back up my data?"));
	struct quote_task t = quote_task_of(mem, messages);
	CHECK(str_eq(t.question, S("How do I back up my data?")));
	CHECK(str_starts(t.context, S("# Tatara user guide")));
	CHECK_OK(quote_answer(e, mem, &t, keep, &b));
	printf("%.*s\n", STR(buf_str(&b)));
	CHECK(str_starts(buf_str(&b), S("These passages answer the question:\n\n> ")));
	CHECK(str_has(buf_str(&b), S("Stop Tatara and copy the data directory")));
	CHECK(str_has(buf_str(&b), S("*Tatara user guide > How do I back up my data?*")));
	t.question = S("What is the capital of France?");
	buf_clear(&b);
	CHECK_OK(quote_answer(e, mem, &t, keep, &b));
	CHECK(str_starts(buf_str(&b), S("I found nothing in the given text")));
	t.context = S("");
	buf_clear(&b);
	CHECK_OK(quote_answer(e, mem, &t, keep, &b));
	CHECK(str_starts(buf_str(&b), S("I was given no text")));
	/* a short text about something else, in Chinese: Beijing is the capital; it is cold in winter */
	t.context = S("\u5317\u4eac\u662f\u4e2d\u56fd\u7684\u9996\u90fd\u3002\u51ac\u5929\u5f88\u51b7\u3002");
	t.question = S("\u4e2d\u56fd\u7684\u9996\u90fd\u662f\u54ea\u91cc\uff1f");
	buf_clear(&b);
	CHECK_OK(quote_answer(e, mem, &t, keep, &b));
	CHECK(str_has(buf_str(&b), S("> \u5317\u4eac\u662f\u4e2d\u56fd\u7684\u9996\u90fd\u3002")));
}

/* The second question costs one embedding, the cache keeps its limit. */
static void texts_are_remembered(struct arena *mem, struct engine *e)
{
	struct engine_stats a, b;
	struct quote_task t = { S("How do I publish an app?"), guide_text(S("en")) };
	struct quote_result r;
	CHECK_OK(quote_find(e, mem, &t, &r));
	embedder_stats_get(e, &a);
	t.question = S("How can an app be published?");
	int64_t start = rt_now();
	CHECK_OK(quote_find(e, mem, &t, &r));
	embedder_stats_get(e, &b);
	printf("second question over the same text: %.1f ms\n", (double)(rt_now() - start) / 1e6);
	CHECK(b.computed - a.computed == 1);
	t = (struct quote_task){ S("When does the ship leave?"),
				 S("The ship leaves at noon. It carries salt. The crew is large.") };
	CHECK_OK(quote_find(e, mem, &t, &r));
	embedder_stats_get(e, &a);
	CHECK(a.computed - b.computed == 4);
	t.question = S("What does the ship carry?");
	CHECK_OK(quote_find(e, mem, &t, &r));
	embedder_stats_get(e, &b);
	CHECK(b.computed - a.computed == 1);
	CHECK(b.cached <= ENGINE_CACHE_MAX);
}

static struct model_runtime *runtime;

static struct json *call(struct arena *mem, struct client *c, const char *sock, const char *path,
			 const char *body, int want)
{
	struct client_request q = { .method = *body ? HTTP_POST : HTTP_GET, .body = str_c(body) };
	struct client_response *a;
	struct json *v = NULL;
	q.body_length = (int64_t)q.body.len;
	q.url = arena_printf(mem, "http://model%s", path);
	q.unix_socket = str_c(sock);
	CHECK_OK(client_fetch(c, mem, &q, &a));
	CHECK(a->status == want);
	CHECK_OK(json_parse(mem, a->body, &v));
	return v;
}

static void http_forms(struct arena *mem, struct client *c, const char *sock)
{
	struct json *v = call(mem, c, sock, "/v1/models", "", 200);
	CHECK(json_len(json_get(v, S("data"))) == 2);
	v = call(mem, c, sock, "/ready", "", 200);
	CHECK(str_eq(json_get_str(v, S("status")), S("ok")));
	call(mem, c, sock, "/health", "", 200);
	v = call(mem, c, sock, "/v1/embeddings",
		 "{\"model\":\"multilingual-e5-small\",\"input\":[\"a\",\"b\"],\"input_type\":\"query\"}", 200);
	struct json *data = json_get(v, S("data"));
	CHECK(json_len(data) == 2 && json_len(json_get(json_at(data, 1), S("embedding"))) == ENGINE_DIMS);
	CHECK(json_as_int(json_path(v, "usage.prompt_tokens"), 0) > 4);
	struct json *b = call(mem, c, sock, "/v1/embeddings",
			      "{\"input\":\"b\",\"input_type\":\"query\",\"encoding_format\":\"base64\"}", 200);
	struct str raw = S("");
	CHECK_OK(dec_base64(mem, json_get_str(json_at(json_get(b, S("data")), 0), S("embedding")), &raw));
	CHECK(raw.len == ENGINE_DIMS * sizeof(float));
	for (size_t i = 0; raw.len && i < ENGINE_DIMS; i++) {
		float f;
		memcpy(&f, raw.at + i * sizeof f, sizeof f);
		double same = json_as_double(json_at(json_get(json_at(data, 1), S("embedding")), i), 9);
		CHECK(fabs(same - (double)f) < 1e-7);
	}
	static const struct {
		const char *path, *body;
		int want;
	} bad[] = {
		{ "/v1/embeddings", "{\"input\":[1]}", 400 },
		{ "/v1/embeddings", "{\"input\":[]}", 400 },
		{ "/v1/embeddings", "[]", 400 },
		{ "/v1/embeddings", "{", 400 },
		{ "/v1/embeddings", "{\"input\":\"x\",\"model\":\"gpt\"}", 404 },
		{ "/v1/embeddings", "{\"input\":\"x\",\"input_type\":\"y\"}", 400 },
		{ "/v1/chat/completions", "{\"model\":\"quote\"}", 400 },
		{ "/v1/chat/completions", "{\"model\":\"other\",\"messages\":[{}]}", 404 },
		{ "/nowhere", "", 404 },
		{ "/v1/embeddings", "", 405 },
	};
	for (size_t i = 0; i < countof(bad); i++) {
		v = call(mem, c, sock, bad[i].path, bad[i].body, bad[i].want);
		CHECK(json_as_str(json_path(v, "error.message"), S("")).len > 0);
	}
	v = call(mem, c, sock, "/v1/chat/completions",
		 "{\"model\":\"quote\",\"messages\":[{\"role\":\"user\",\"content\":"
		 "\"The key is under the mat.\\n\\nWhere is the key?\"}]}", 200);
	struct json *choice = json_at(json_get(v, S("choices")), 0);
	CHECK(str_has(json_as_str(json_path(choice, "message.content"), S("")),
		      S("> The key is under the mat.")));
	CHECK(json_as_int(json_path(v, "usage.total_tokens"), 0) > 10);
}

/* The same through the calls that apps make: provider "tatara". */
static void through_models(struct arena *mem, struct client *c, const char *sock, const char *dir)
{
	static const unsigned char seal[CRYPT_KEY_LEN] = "component test key";
	struct db *db = NULL;
	struct models *m = NULL;
	struct migrate_report report;
	struct db_options o = { .sqlite_path = arena_printf(mem, "%s/db", dir) };
	CHECK_OK(db_open(&o, &db));
	CHECK_OK(db_migrate(db, false, &report));
	struct models_options mo = { .db = db, .client = c, .seal_key = seal, .model_socket = str_c(sock) };
	CHECK_OK(models_open(&mo, &m));
	struct json *messages;
	CHECK_OK(json_parse(mem, S("[{\"role\":\"system\",\"content\":\"<context>The sky is blue. Grass is "
				   "green.</context>\"},{\"role\":\"user\",\"content\":\"What colour is the "
				   "sky?\"}]"), &messages));
	struct model_request q = { .tenant_id = S("t"), .messages = messages }; /* no default: ours */
	struct model_answer *a = NULL;
	struct buf b = buf_make(mem, 0);
	CHECK_OK(models_chat(m, mem, &q, keep, &b, &a));
	printf("%.*s\n", STR(a ? a->text : S("no answer")));
	CHECK(a && str_has(a->text, S("> The sky is blue.")) && str_eq(a->text, buf_str(&b)));
	CHECK(a && a->usage.completion_tokens > 0 && !a->usage.estimated);
	struct model_features f;
	CHECK_OK(models_features(m, mem, S("t"), S("tatara"), S("quote"), &f));
	CHECK(f.quotes_only && !f.tools);
	struct str text = S("hello");
	float *v;
	size_t dims = 0, n;
	CHECK_OK(models_embed(m, mem, S("t"), S(""), S(""), &text, 1, true, &v, &dims, NULL));
	CHECK(dims == ENGINE_DIMS);
	struct model_record *list;
	CHECK_OK(models_list(m, mem, S("t"), &list, &n));
	CHECK(n == 2 && list[0].bundled && list[1].bundled);
	models_close(m);
	db_close(db);
}

static void unloads_when_idle(struct arena *mem)
{
	struct engine *e;
	struct engine_stats s;
	float *v;
	struct str text = S("x"), other = S("y");
	CHECK_OK(embedder_open(str_c(weights), 200, &e));
	CHECK_OK(embedder_embed(e, mem, &text, 1, true, &v, NULL));
	embedder_stats_get(e, &s);
	CHECK(s.loads == 1);
	for (int i = 0; i < 2400 && s.loaded; i++) {
		CHECK_OK(fiber_sleep_ms(50));
		embedder_stats_get(e, &s);
	}
	CHECK(!s.loaded && s.unloads == 1);
	CHECK_OK(embedder_embed(e, mem, &other, 1, true, &v, NULL));
	embedder_stats_get(e, &s);
	CHECK(s.loads == 2);
	embedder_close(e);
	CHECK_OK(embedder_open(S("/nonexistent/e5.bin"), 200, &e));
	CHECK(embedder_embed(e, mem, &text, 1, true, &v, NULL) == -1);
	CHECK(err_code() == ERR_UNAVAILABLE && str_has(err_text(), S("TATARA_MODEL_FILE")));
	embedder_close(e);
}

static status scenario(void *arg)
{
	struct arena *mem = arg;
	struct engine *e;
	struct client *c;
	char dir[] = "/tmp/tatara-runtime-XXXXXX";
	CHECK(mkdtemp(dir) != NULL);
	CHECK_OK(embedder_open(str_c(weights), 60000, &e));
	vectors_equal_the_engines(mem, e);
	quotes_fit(mem, e);
	short_texts_fit(mem, e);
	answers_are_markdown(mem, e);
	texts_are_remembered(mem, e);
	embedder_close(e);
	unloads_when_idle(mem);

	struct model_runtime_options ro = { .weights = str_c(weights), .unload_after_ms = 60000 };
	CHECK_OK(model_runtime_open(&ro, &runtime));
	char *sock = arena_cstr(mem, arena_printf(mem, "%s/model.sock", dir));
	int fd;
	struct http_server *server;
	CHECK_OK(listen_open(arena_printf(mem, "unix:%s", sock), &fd));
	struct http_options ho = { .handler = model_runtime_handle, .ctx = runtime };
	CHECK_OK(http_serve(&ho, &fd, 1, &server));
	struct client_options co = { 0 };
	CHECK_OK(client_open(&co, &c));
	http_forms(mem, c, sock);
	through_models(mem, c, sock, dir);
	client_close(c);
	http_server_drain(server, deadline_in_ms(2000));
	http_server_close(server);
	model_runtime_close(runtime);
	char cmd[128];
	snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
	CHECK(system(cmd) == 0);
	return 0;
}

static void runtime_works(void **unused)
{
	(void)unused;
	struct arena *mem = arena_open(0);
	assert_int_equal(rt_run(&(struct rt_options){ 0 }, scenario, mem), 0);
	arena_close(mem);
	assert_int_equal(talk_failed, 0);
}

int main(void)
{
	weights = getenv("TATARA_MODEL_FILE");
	weights = weights && *weights ? weights : "third_party/e5/e5-small-q4.bin";
	if (access(weights, R_OK)) {
		printf("skipped: %s is not there (TATARA_MODEL_FILE)\n", weights);
		return 77;
	}
	crypt_init();
	const struct CMUnitTest tests[] = { cmocka_unit_test(runtime_works) };
	return cmocka_run_group_tests_name("model runtime", tests, NULL, NULL);
}
