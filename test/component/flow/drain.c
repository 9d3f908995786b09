/* SPDX-License-Identifier: Apache-2.0 */
/* A process that stops gives its runs back at once; another goes on with them. Files of runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "base/err.h"
#include "base/id.h"
#include "fixture.h"
#include "flow/file.h"
#include "store/blob/blob.h"

static const char graph_text[] =
	"{\"nodes\":[{\"id\":\"s\",\"data\":{\"type\":\"start\"}},"
	"{\"id\":\"m\",\"data\":{\"type\":\"llm\",\"title\":\"\",\"model\":{\"provider\":\"openai_api_compatible\",\"name\":\"mock\",\"mode\":\"chat\"},\"prompt_template\":[{\"role\":\"user\",\"text\":\"[[slow:60:9]]\"}]}},"
	"{\"id\":\"x\",\"data\":{\"type\":\"answer\",\"answer\":\"{{#m.text#}}\"}}],"
	"\"edges\":[{\"source\":\"s\",\"target\":\"m\"},{\"source\":\"m\",\"target\":\"x\"}]}";

static status drain_main(void *arg)
{
	struct fixture one = { 0 }, two = { .no_model = true };
	struct flow_result *r;
	(void)arg;
	fixture_open(&one, S(""), "one", 4000);
	fixture_open(&two, one.dir, "two", 4000);
	one.hold = 3;
	fixture_serve(&one);
	struct flow_graph *g = fixture_graph(&one, graph_text);
	struct str id = fixture_start(&one, g, "advanced-chat", "{}", "{\"query\":\"q\"}");
	fixture_await(&one, id, FLOW_CHUNK, "tok1");
	flow_drain(one.flow, deadline_in_ms(50));
	for (int i = 0; i < PATIENCE_MS / 10 && flow_active(one.flow, S("app1")); i++)
		assert_int_equal(fiber_sleep_ms(10), 0);
	assert_int_equal(flow_active(one.flow, S("app1")), 0);
	assert_int_equal(flow_active(two.flow, S("app1")), 1); /* not ended, and not of this process */
	struct str next;
	struct flow_start start = { .graph = g };
	assert_int_equal(flow_run_start(one.flow, one.mem, &start, &next), -1);
	assert_int_equal(err_code(), ERR_UNAVAILABLE);
	one.hold = 0;
	fixture_serve(&two);
	assert_int_equal(flow_run_wait(two.flow, two.mem, id, &r, deadline_in_ms(PATIENCE_MS)), 0);
	assert_true(str_eq(r->status, S("succeeded")));
	assert_true(str_eq(r->answer, S("tok0 tok1 tok2 tok3 tok4 tok5 tok6 tok7 tok8")));
	assert_false(str_has(fixture_events(&two, id, 0), S("failed")));
	flow_graph_unref(g);
	fixture_close(&two);
	fixture_close(&one);
	return 0;
}

static void drained_runs_go_on(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, drain_main, NULL), 0);
}

/* --- files --- */

static struct json *mapping(struct fixture *f, struct str type, struct str method, struct str id, struct str url)
{
	struct json *list = json_arr(f->mem), *m = json_obj(f->mem);
	json_set_str(f->mem, m, S("type"), type);
	json_set_str(f->mem, m, S("transfer_method"), method);
	json_set_str(f->mem, m, S("upload_file_id"), id);
	json_set_str(f->mem, m, S("url"), url);
	json_push(f->mem, list, m);
	return list;
}

static struct str query_value(struct str url, const char *name)
{
	size_t at = str_find(url, str_c(name));
	struct str rest = str_skip(url, at + strlen(name));
	return str_cut(&rest, '&');
}

static void refused(struct fixture *f, const struct json *list, struct str tenant, const struct file_rules *rules,
		    const char *text)
{
	struct json *out;
	assert_int_equal(files_from_input(f->flow, f->mem, tenant, list, rules, &out), -1);
	if (!str_eq(err_text(), str_c(text)))
		print_error("got %.*s\n", STR(err_text()));
	assert_true(str_eq(err_text(), str_c(text)));
}

static status files_main(void *arg)
{
	struct fixture f = { 0 };
	struct file_rules any = { 0 }, images = { 0 };
	struct json *out, *types;
	struct upload *u;
	(void)arg;
	fixture_open(&f, S(""), "one", 0);
	struct str id = id_uuid(f.mem);
	struct upload_new up = { .id = id, .tenant_id = S("t1"), .app_id = S("app1"), .name = S("p.png"), .extension = S("png"),
				 .mime_type = S("image/png"), .key = S("upload_files/t1/p.png"), .created_by = S("eu1"), .size = 4 };
	assert_int_equal(blob_put(f.blob, up.key, S("data")), 0);
	assert_int_equal(upload_add(f.flow, f.mem, &up), 0);
	assert_int_equal(upload_get(f.flow, f.mem, S("t1"), id, &u), 0);
	assert_false(u->used);
	assert_int_equal(upload_get(f.flow, f.mem, S("t2"), id, &u), -1);
	assert_int_equal(err_code(), ERR_NOT_FOUND);
	assert_int_equal(files_from_input(f.flow, f.mem, S("t1"), mapping(&f, S("image"), S("local_file"), id, S("")), &any, &out), 0);
	assert_int_equal(out->len, 1);
	struct json *file = json_at(out, 0);
	assert_true(file_is(file));
	assert_true(str_eq(json_get_str(file, S("extension")), S(".png")));
	assert_int_equal(upload_get(f.flow, f.mem, S("t1"), id, &u), 0);
	assert_true(u->used);
	struct str url = json_get_str(file, S("url")), data;
	assert_true(str_has(url, S("/file-preview?timestamp=")));
	assert_true(file_check_signature(f.flow, id, query_value(url, "timestamp="), query_value(url, "nonce="), query_value(url, "sign=")));
	assert_false(file_check_signature(f.flow, S("other"), query_value(url, "timestamp="), query_value(url, "nonce="), query_value(url, "sign=")));
	assert_false(file_check_signature(f.flow, id, S("1"), query_value(url, "nonce="), query_value(url, "sign=")));
	assert_int_equal(file_for_model(f.flow, f.mem, file, &data), 0);
	assert_true(str_eq(data, S("data:image/png;base64,ZGF0YQ==")));
	refused(&f, mapping(&f, S("image"), S("local_file"), id, S("")), S("t2"), &any, "Invalid upload file");
	refused(&f, mapping(&f, S("image"), S("local_file"), id_uuid(f.mem), S("")), S("t1"), &any, "Invalid upload file");
	refused(&f, mapping(&f, S("audio"), S("local_file"), id, S("")), S("t1"), &any,
		"Detected file type does not match the specified type. Please verify the file.");
	refused(&f, mapping(&f, S("image"), S("remote_url"), S(""), S("ftp://x/y.txt")), S("t1"), &any,
		"Reached maximum retries (3) for URL ftp://x/y.txt");
	assert_int_equal(json_parse(f.mem, S("[\"document\"]"), &types), 0);
	images.types = types;
	refused(&f, mapping(&f, S("image"), S("local_file"), id, S("")), S("t1"), &images, "File validation failed for file: p.png");
	assert_int_equal(files_from_input(f.flow, f.mem, S("t1"), mapping(&f, S("image"), S(""), id, S("")), &any, &out), 0);
	assert_int_equal(out->len, 0);
	fixture_close(&f);
	return 0;
}

static void files(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, files_main, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(drained_runs_go_on), cmocka_unit_test(files) };
	return cmocka_run_group_tests_name("flow_drain", tests, NULL, NULL);
}
