/* SPDX-License-Identifier: Apache-2.0 */
/* Annotations on a whole server: the search against a slow one, what changes do to it, and jobs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/err.h"
#include "base/id.h"
#include "chat/annotation_int.h"
#include "model/model.h"
#include "sql_chat.h"
#include "store/broker/broker.h"
#include "world.h"

static void ok(status failed, const char *what)
{
	if (failed)
		print_message("%s: %.*s (%s)\n", what, STR(err_text()), err_last()->detail);
	assert_int_equal(failed, 0);
}
#define OK(call) ok((call), #call)

static void fails(status failed, enum err_code want, const char *text, const char *what)
{
	if (!failed || err_code() != want || !str_has(err_text(), str_c(text)))
		print_message("%s: want %s \"%s\", got %d %s: %.*s\n", what, err_name(want), text,
			      failed, err_name(err_code()), STR(err_text()));
	assert_true(failed && err_code() == want && str_has(err_text(), str_c(text)));
	err_clear();
}
#define FAILS(code, text, call) fails((call), (code), (text), #call)

/* --- one app of the world --- */

#define T(w) (w)->tenant_id, S("app")
static const struct str provider = S_INIT("openai_api_compatible");

static struct str add(struct world *w, const char *question, const char *answer)
{
	struct annotation_new a = {.tenant_id = w->tenant_id, .app_id = S("app"),
				   .account_id = w->account_id, .question = str_c(question),
				   .content = str_c(answer)};
	struct annotation *made;
	OK(annotation_add(w->s.chats, w->mem, &a, &made));
	return made->id;
}

/* A worker, until nothing waits. */
static void work(struct world *w)
{
	struct queue_stats s;
	for (;;) {
		OK(queue_stats_get(w->s.broker, S(ANNOTATION_QUEUE), &s));
		if (!s.waiting && !s.delayed && !s.running)
			return;
		OK(annotation_work(w->s.chats));
	}
}

static struct str ask_on(struct world *w, const char *model, double threshold)
{
	struct annotation_enable e = {.tenant_id = w->tenant_id, .app_id = S("app"),
				      .account_id = w->account_id, .provider = provider,
				      .model = str_c(model), .score_threshold = threshold};
	struct str job;
	OK(annotation_enable(w->s.chats, w->mem, &e, &job));
	return job;
}

static struct annotation_job *job_of(struct world *w, struct str id, const char *kind)
{
	struct annotation_job *j;
	OK(annotation_job_get(w->s.chats, w->mem, T(w), str_c(kind), id, &j));
	return j;
}

static void expect_job(struct world *w, struct str id, const char *kind, const char *want,
		       const char *error)
{
	struct annotation_job *j = job_of(w, id, kind);
	if (!str_eq(j->status, str_c(want)) || !str_has(j->error, str_c(error)))
		print_message("job %s: want %s \"%s\", got %.*s \"%.*s\"\n", kind, want, error,
			      STR(j->status), STR(j->error));
	assert_true(str_eq(j->status, str_c(want)) && str_has(j->error, str_c(error)));
}

static void switch_on(struct world *w, const char *model, double threshold)
{
	struct str job = ask_on(w, model, threshold);
	work(w);
	expect_job(w, job, "enable", "completed", "");
}

/* What answers a question; NULL = the model does. */
static void expect_answer(struct world *w, const char *question, const char *want)
{
	struct chat_scope scope = {.tenant_id = w->tenant_id, .app_id = S("app")};
	struct annotation_answer *a;
	OK(annotation_find(w->s.chats, w->mem, &scope, str_c(question), &a));
	struct str got = a ? a->annotation.content : S("(none)");
	if (!str_eq(got, str_c(want ? want : "(none)")))
		print_message("%s: want %s, got %.*s\n", question, want ? want : "(none)", STR(got));
	assert_true(str_eq(got, str_c(want ? want : "(none)")));
}

static int64_t count(struct world *w, const char *what)
{
	struct db_rows *r;
	struct str text = arena_printf(w->mem, "SELECT count(*) FROM %s", what);
	char *sql = arena_cstr(w->mem, text);
	struct sql s = {.sqlite = sql, .postgres = sql};
	OK(db_read(w->s.db, w->mem, &s, NULL, 0, &r));
	return db_int_at(r, 0, 0);
}

/* --- the search --- */

static uint64_t seed = 42;
static float random_float(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (float)(int32_t)(seed >> 32) / 2147483648.0f;
}

static void put_vector(struct world *w, struct str id, const float *v, size_t dims)
{
	OK(DB_WRITE(w->s.db, w->mem, &sql_chat_annotation_vector_put, 1, NULL, db_text(w->tenant_id),
		    db_text(S("app")), db_text(id), db_int(1), db_text(S("tatara/m")),
		    db_blob(str_of((const char *)v, dims * sizeof(float)))));
}

static struct str slowest_nearest(const float *all, const struct str *ids, size_t n, size_t dims,
				  const float *q)
{
	size_t best = 0;
	double most = -1e9;
	for (size_t i = 0; i < n; i++) {
		double sum = 0;
		for (size_t k = 0; k < dims; k++)
			sum += (double)all[i * dims + k] * (double)q[k];
		if (sum > most) {
			most = sum;
			best = i;
		}
	}
	return ids[best];
}

/* Pages of one read are 512 rows; scans of more than 65,536 numbers leave the loop. */
static void nearest(struct world *w)
{
	static const struct {
		size_t rows, dims;
	} cases[] = {{0, 8}, {1, 1}, {7, 37}, {600, 40}, {1100, 96}};
	for (size_t c = 0; c < countof(cases); c++) {
		size_t n = cases[c].rows, dims = cases[c].dims;
		float *all = arena_array(w->mem, float, n * dims + 1), q[128];
		struct str *ids = arena_array(w->mem, struct str, n + 1);
		OK(annotation_clear(w->s.chats, w->mem, T(w)));
		for (size_t i = 0; i < n; i++) {
			ids[i] = add(w, "q", "a");
			for (size_t k = 0; k < dims; k++)
				all[i * dims + k] = random_float();
			put_vector(w, ids[i], all + i * dims, dims);
		}
		struct annotation_setting s = {.provider = S("tatara"), .model = S("m"),
					       .version = (int64_t)c + 1};
		for (int i = 0; i < 20; i++) {
			struct annotation_near near;
			for (size_t k = 0; k < dims; k++)
				q[k] = random_float();
			OK(annotation_nearest(w->s.chats, w->mem, T(w), &s, q, dims, &near));
			assert_int_equal(near.id.at != NULL, n > 0);
			assert_true(!n || str_eq(near.id, slowest_nearest(all, ids, n, dims, q)));
			OK(annotation_nearest(w->s.chats, w->mem, T(w), &s, q, dims + 1, &near));
			assert_null(near.id.at); /* vectors of another length are no neighbours */
		}
		struct annotation_near near;
		OK(annotation_nearest(w->s.chats, w->mem, S("another"), S("app-2"), &s, q, dims, &near));
		assert_null(near.id.at);
	}
}

/* --- changes --- */

static void changes(struct world *w)
{
	struct chats *c = w->s.chats;
	struct annotation *a;
	struct str oslo = add(w, "capital of norway", "Oslo");
	add(w, "color of grass", "green");
	expect_answer(w, "capital of norway", NULL); /* not switched on */
	switch_on(w, "embed", 0.95);
	expect_answer(w, "capital of norway", "Oslo");
	expect_answer(w, "capital of sweden", NULL);
	add(w, "capital of norway", "younger"); /* of equals the oldest answers */
	work(w);
	expect_answer(w, "capital of norway", "Oslo");

	/* The old words are gone at once, the new ones come with the next job. */
	struct annotation change = {.id = oslo, .question = S("capital of sweden"),
				    .content = S("Stockholm")};
	OK(annotation_update(c, w->mem, T(w), &change, &a));
	expect_answer(w, "capital of norway", "younger");
	expect_answer(w, "capital of sweden", NULL);
	work(w);
	expect_answer(w, "capital of sweden", "Stockholm");
	/* Another answer needs no job. */
	change = (struct annotation){.id = oslo, .content = S("Stockholm!")};
	OK(annotation_update(c, w->mem, T(w), &change, &a));
	expect_answer(w, "capital of sweden", "Stockholm!");

	OK(annotation_remove(c, w->mem, T(w), &oslo, 1));
	expect_answer(w, "capital of sweden", NULL);
	FAILS(ERR_NOT_FOUND, "Annotation not found", annotation_remove(c, w->mem, T(w), &oslo, 1));
	FAILS(ERR_NOT_FOUND, "Annotation not found", annotation_update(c, w->mem, T(w), &change, &a));

	/* Another workspace neither sees nor changes. */
	struct str green = add(w, "never seen", "x");
	change.id = green;
	FAILS(ERR_NOT_FOUND, "not found", annotation_get(c, w->mem, S("other"), S("app"), green, &a));
	FAILS(ERR_NOT_FOUND, "not found", annotation_remove(c, w->mem, S("other"), S("app"), &green, 1));
	FAILS(ERR_NOT_FOUND, "not found",
	      annotation_update(c, w->mem, S("other"), S("app"), &change, &a));

	OK(annotation_clear(c, w->mem, T(w)));
	expect_answer(w, "color of grass", NULL);
	work(w);
	assert_int_equal(count(w, "annotations"), 0);
	assert_int_equal(count(w, "annotation_vectors"), 0);
}

/* --- jobs --- */

static struct annotation_setting *setting(struct world *w)
{
	struct annotation_setting *s;
	OK(annotation_setting_get(w->s.chats, w->mem, T(w), &s));
	return s;
}

static void jobs(struct world *w)
{
	struct chats *c = w->s.chats;
	struct annotation_job *j;
	for (int i = 0; i < 70; i++) /* more than one piece */
		add(w, arena_cstr(w->mem, arena_printf(w->mem, "question number %d", i)), "n");
	work(w);
	assert_int_equal(w->embed_texts, 0); /* nobody asked for replies */
	assert_null(setting(w));

	switch_on(w, "embed", 0.9);
	assert_int_equal(w->embed_texts, 70);
	switch_on(w, "embed", 0.8); /* they are there */
	assert_int_equal(w->embed_texts, 70);
	assert_true(setting(w)->score_threshold == 0.8);

	/* Another model: the old vectors answer until the new ones are all there. */
	struct str job = ask_on(w, "embed-2", 0.9);
	expect_answer(w, "question number 3", "n");
	work(w);
	expect_job(w, job, "enable", "completed", "");
	assert_int_equal(count(w, "annotation_vectors WHERE model LIKE '%/embed'"), 0);
	assert_int_equal(count(w, "annotation_vectors WHERE model LIKE '%/embed-2'"), 70);
	expect_answer(w, "question number 3", "n");

	/* The last who asks decides, in whatever order workers get to it. */
	struct str first = ask_on(w, "embed", 0.9), second;
	OK(annotation_disable(c, w->mem, T(w), w->account_id, &second));
	work(w);
	expect_job(w, first, "enable", "completed", "");
	expect_job(w, second, "disable", "completed", "");
	assert_false(setting(w)->enabled);
	assert_int_equal(count(w, "annotation_vectors"), 0);
	expect_answer(w, "question number 3", NULL);

	FAILS(ERR_INVALID, "The job does not exist.",
	      annotation_job_get(c, w->mem, T(w), S("enable"), second, &j));
	FAILS(ERR_INVALID, "The job does not exist.",
	      annotation_job_get(c, w->mem, S("other"), S("app"), S("disable"), second, &j));
	FAILS(ERR_NOT_FOUND, "settings not found",
	      annotation_threshold_set(c, w->mem, S("other"), S("app"), setting(w)->id, 0.5));
}

/* A model server that is away, and one that refuses a question. */
static void failures(struct world *w)
{
	for (int i = 0; i < 40; i++)
		add(w, arena_cstr(w->mem, arena_printf(w->mem, "word%d", i)), "n");
	w->embed_down = true;
	struct str job = ask_on(w, "embed", 0.9);
	work(w);
	expect_job(w, job, "enable", "error", "too long for me");
	assert_null(setting(w));
	w->embed_down = false;

	/* The others get their vectors, and who waits learns which one is to be changed. */
	struct str bad = add(w, "[[refuse]] this one", "n");
	job = ask_on(w, "embed", 0.9);
	work(w);
	expect_job(w, job, "enable", "error", "The question \"[[refuse]] this one\" got no vector");
	assert_int_equal(count(w, "annotation_vectors"), 40);
	OK(annotation_remove(w->s.chats, w->mem, T(w), &bad, 1));
	switch_on(w, "embed", 0.9);
	expect_answer(w, "word7", "n");

	/* A turn does not fail when nothing can be looked for. */
	w->embed_down = true;
	expect_answer(w, "word7", NULL);
}

/* --- import --- */

static struct str import(struct world *w, const char *csv, int64_t *n)
{
	struct str job;
	OK(annotation_import(w->s.chats, w->mem, T(w), w->account_id, str_c(csv), &job, n));
	return job;
}

static void set(struct world *w, enum config_key key, const char *value)
{
	/* The world made it; services only lend it. */
	config_override((struct config *)(uintptr_t)w->s.config, key, str_c(value));
}

static void forget_counts(struct world *w)
{
	static const char *const windows[] = {"minute", "hour"};
	for (size_t i = 0; i < countof(windows); i++)
		OK(counter_reset(w->s.broker, arena_printf(w->mem, "annotation_import:%s:%.*s",
							   windows[i], STR(w->tenant_id))));
}

static void imports(struct world *w)
{
	int64_t n;
	struct str job = import(w, "\xef\xbb\xbfquestion,answer\r\n\"say \"\"hi\"\"\",\"two\nlines\"\r\n"
				   "no answer,\r\n,no question\r\nonly one\r\n\r\n last , one ,more\r\n",
				&n);
	assert_int_equal(n, 2);
	expect_job(w, job, "import", "waiting", "");
	work(w);
	expect_job(w, job, "import", "completed", "");
	struct annotation_page p = {.keyword = S("SAY"), .page = 1, .limit = 20};
	struct annotation *list;
	size_t len;
	int64_t total;
	OK(annotation_list(w->s.chats, w->mem, T(w), &p, &list, &len, &total));
	assert_int_equal(len, 1);
	assert_int_equal(total, 1);
	assert_true(str_eq(list[0].question, S("say \"hi\"")));
	assert_true(str_eq(list[0].content, S("two\nlines")));

	/* Replies are on: what is imported answers. 450 rows are three pieces. */
	switch_on(w, "embed", 0.99);
	struct buf b = buf_make(w->mem, 0);
	buf_puts(&b, "question,answer\n");
	for (int i = 0; i < 450; i++)
		buf_printf(&b, "thing%d,answer%d\n", i, i);
	job = import(w, arena_cstr(w->mem, buf_str(&b)), &n);
	assert_int_equal(n, 450);
	work(w);
	expect_job(w, job, "import", "completed", "");
	assert_int_equal(job_of(w, job, "import")->done, 450);
	expect_answer(w, "thing449", "answer449");

	/* A full app takes what fits in whole pieces, and says so. */
	set(w, CONFIG_TATARA_ANNOTATIONS_MAX, "700");
	job = import(w, arena_cstr(w->mem, buf_str(&b)), &n);
	work(w);
	expect_job(w, job, "import", "error", "200 of 450 rows were stored");
	assert_int_equal(count(w, "annotations"), 652);
}

static void import_limits(struct world *w)
{
	static const struct {
		enum config_key key;
		const char *value, *csv;
		enum err_code code;
		const char *text;
	} cases[] = {
		{CONFIG_ANNOTATION_IMPORT_FILE_SIZE_LIMIT, "0", "q,a\nx,y\n", ERR_TOO_LARGE,
		 "maximum limit of 0MB"},
		{CONFIG_ANNOTATION_IMPORT_MAX_RECORDS, "1", "q,a\nx,y\nz,z\n", ERR_INVALID,
		 "Maximum 1 records allowed"},
		{CONFIG_ANNOTATION_IMPORT_MIN_RECORDS, "2", "q,a\nx,y\n", ERR_INVALID,
		 "at least 2 valid annotation record"},
		{CONFIG_ANNOTATION_IMPORT_MIN_RECORDS, "0", "q,a\n", ERR_INVALID, "at least 1 valid"},
		{CONFIG_TATARA_ANNOTATIONS_MAX, "10", "", ERR_INVALID, "file is empty"},
		{CONFIG_TATARA_ANNOTATIONS_MAX, "10", "only\none\n", ERR_INVALID, "at least 2 columns"},
		{CONFIG_TATARA_ANNOTATIONS_MAX, "10", "q,a\n\xff,y\n", ERR_INVALID, "not text in UTF-8"},
		{CONFIG_ANNOTATION_IMPORT_RATE_LIMIT_PER_MINUTE, "1", "q,a\nx,y\n", ERR_BUSY,
		 "Maximum 1 requests per minute"},
		{CONFIG_ANNOTATION_IMPORT_RATE_LIMIT_PER_HOUR, "1", "q,a\nx,y\n", ERR_BUSY,
		 "Maximum 1 requests per hour"},
		{CONFIG_ANNOTATION_IMPORT_MAX_CONCURRENT, "1", "q,a\nx,y\n", ERR_BUSY,
		 "Maximum 1 concurrent imports"},
	};
	struct str job;
	int64_t n;
	for (size_t i = 0; i < countof(cases); i++) {
		const char *old = config_rows[cases[i].key].dflt;
		forget_counts(w);
		(void)import(w, "q,a\nx,y\n", &n); /* one before it, which still goes on */
		set(w, cases[i].key, cases[i].value);
		FAILS(cases[i].code, cases[i].text,
		      annotation_import(w->s.chats, w->mem, T(w), w->account_id, str_c(cases[i].csv),
					&job, &n));
		set(w, cases[i].key, old);
		forget_counts(w);
		if (cases[i].csv[0] && cases[i].code != ERR_INVALID) /* the setting made it fail */
			(void)import(w, cases[i].csv, &n);
		work(w);
	}
	/* Another workspace has counts of its own. */
	forget_counts(w);
	set(w, CONFIG_ANNOTATION_IMPORT_RATE_LIMIT_PER_MINUTE, "1");
	(void)import(w, "q,a\nx,y\n", &n);
	OK(annotation_import(w->s.chats, w->mem, S("other"), S("app"), S("a"), S("q,a\nx,y\n"), &job, &n));
	work(w);
}

static void limit_of_app(struct world *w)
{
	struct annotation_new a = {.tenant_id = w->tenant_id, .app_id = S("app"), .account_id = S("a"),
				   .question = S("q"), .content = S("c")};
	struct annotation *made;
	set(w, CONFIG_TATARA_ANNOTATIONS_MAX, "2");
	add(w, "1", "1");
	add(w, "2", "2");
	FAILS(ERR_LIMIT, "TATARA_ANNOTATIONS_MAX", annotation_add(w->s.chats, w->mem, &a, &made));
	work(w);
}

/* What does not fit into memory is read for each question; what fits is read once. */
static void cache_limit(struct world *w)
{
	static const char *const sizes[] = {"0", "1"};
	for (int i = 0; i < 30; i++)
		add(w, arena_cstr(w->mem, arena_printf(w->mem, "number %d", i)), "n");
	switch_on(w, "embed", 0.9);
	for (size_t i = 0; i < countof(sizes); i++) {
		struct db_stats before, after;
		set(w, CONFIG_TATARA_ANNOTATION_CACHE_MB, sizes[i]);
		expect_answer(w, "number 4", "n");
		db_stats_get(w->s.db, &before);
		expect_answer(w, "number 4", "n");
		db_stats_get(w->s.db, &after);
		/* Setting and annotation; and the vectors when nothing was kept. Names are remembered. */
		assert_int_equal(after.reads - before.reads, i ? 2 : 3);
	}
}

#define IN_WORLD(name)                         \
	static void test_##name(void **unused) \
	{                                      \
		(void)unused;                  \
		with_world(name);              \
	}
IN_WORLD(nearest)
IN_WORLD(changes)
IN_WORLD(jobs)
IN_WORLD(failures)
IN_WORLD(imports)
IN_WORLD(import_limits)
IN_WORLD(limit_of_app)
IN_WORLD(cache_limit)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nearest),	 cmocka_unit_test(test_changes),
		cmocka_unit_test(test_jobs),	 cmocka_unit_test(test_failures),
		cmocka_unit_test(test_imports),	 cmocka_unit_test(test_import_limits),
		cmocka_unit_test(test_limit_of_app), cmocka_unit_test(test_cache_limit),
	};
	return cmocka_run_group_tests_name("annotations", tests, NULL, NULL);
}
