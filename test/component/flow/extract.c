/* SPDX-License-Identifier: Apache-2.0 */
/* document-extractor on stored files: one, several, none, what cannot be fetched or read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "base/config.h"
#include "base/err.h"
#include "fixture.h"
#include "flow/file.h"
#include "flow/graph.h"
#include "flow/node/node.h"

static int bad;

static const struct {
	const char *name;
	struct str bytes;
} files[] = {
	{ "note.txt", S_INIT("caf\xe9 au lait\n") },
	{ "t.csv", S_INIT("a,b\n1,2\n") },
	{ "d.pdf", S_INIT("%PDF-1.4") },
	{ "x.xyz", S_INIT("?") },
	{ "bad.json", S_INIT("{") },
};

static const struct {
	const char *variable; /* of node v */
	const char *want;     /* JSON of the output, or "!text" */
} cases[] = {
	{ "note.txt", "\"caf\xc3\xa9 au lait\\n\"" },
	{ "t.csv", "\"| a | b |\\n| - | - |\\n| 1 | 2 |\\n\"" },
	{ "two", "[\"caf\xc3\xa9 au lait\\n\",\"| a | b |\\n| - | - |\\n| 1 | 2 |\\n\"]" },
	{ "none", "[]" },
	{ "mixed", "!Unsupported Extension Type: .pdf (this server does not read PDF documents yet)" },
	{ "d.pdf", "!Unsupported Extension Type: .pdf (this server does not read PDF documents yet)" },
	{ "x.xyz", "!Unsupported Extension Type: .xyz" },
	{ "bad.json", "!Failed to decode or parse JSON file" },
	{ "lost", "!Error downloading file: File not found" },
	{ "foreign", "!Error downloading file: the file is not of this workspace" },
	{ "away", "!Error downloading file: " },
	{ "text", "!Variable ['v', 'text'] is not an ArrayFileSegment" },
	{ "gone", "!File variable not found for selector: ['v', 'gone']" },
};

static struct json *changed(struct arena *mem, const struct json *file, struct str name, struct str value)
{
	struct json *o = json_copy(mem, file);
	json_set_str(mem, o, name, value);
	return o;
}

static void fill(struct fixture *f, struct pool *p)
{
	struct json *made[countof(files)], *list = json_arr(f->mem), *mixed = json_arr(f->mem);
	pool_init(p, f->mem);
	for (size_t i = 0; i < countof(files); i++) {
		struct file_new n = { .tenant_id = S("t1"), .app_id = S("a"), .name = str_c(files[i].name),
				      .bytes = files[i].bytes, .created_by = S("u") };
		assert_int_equal(file_save(f->flow, f->mem, &n, &made[i]), 0);
		pool_set(p, S("v"), str_c(files[i].name), made[i], VAR_INFER);
	}
	json_push(f->mem, list, made[0]);
	json_push(f->mem, list, made[1]);
	json_push(f->mem, mixed, made[0]);
	json_push(f->mem, mixed, made[2]);
	pool_set(p, S("v"), S("two"), list, VAR_INFER);
	pool_set(p, S("v"), S("mixed"), mixed, VAR_INFER);
	pool_set(p, S("v"), S("none"), json_arr(f->mem), VAR_INFER);
	pool_set(p, S("v"), S("text"), json_str(f->mem, S("x")), VAR_INFER);
	pool_set(p, S("v"), S("lost"), changed(f->mem, made[0], S("related_id"), S("00000000-0000-4000-8000-000000000000")), VAR_INFER);
	/* Another workspace's file, named rightly: a program may have made the value. */
	struct file_new theirs = { .tenant_id = S("t2"), .app_id = S("a"), .name = S("note.txt"), .bytes = S("secret"), .created_by = S("u") };
	struct json *foreign;
	assert_int_equal(file_save(f->flow, f->mem, &theirs, &foreign), 0);
	pool_set(p, S("v"), S("foreign"), foreign, VAR_INFER);
	struct json *away = changed(f->mem, made[0], S("transfer_method"), S("remote_url"));
	json_set_str(f->mem, away, S("remote_url"), S("http://127.0.0.1:1/x.txt"));
	pool_set(p, S("v"), S("away"), away, VAR_INFER);
}

static void one(struct fixture *f, struct pool *p, const char *variable, const char *want)
{
	struct json *data = json_obj(f->mem), *selector = json_arr(f->mem);
	static const struct flow_info info = { .tenant_id = S_INIT("t1") };
	json_push_str(f->mem, selector, S("v"));
	json_push_str(f->mem, selector, str_c(variable));
	json_set(f->mem, data, S("variable_selector"), selector);
	struct graph_node n = { .id = S("x"), .data = data };
	struct node_result r = { 0 };
	struct node_run run = { .mem = f->mem, .node = &n, .data = data, .pool = p, .flow = f->flow, .info = &info, .result = &r };
	assert_int_equal(node_document_extractor_check(f->mem, &n), 0);
	status st = node_document_extractor_exec(&run);
	struct str got = st ? arena_printf(f->mem, "!%.*s", STR(r.error)) :
			      json_text(f->mem, json_get(r.outputs, S("text")), JSON_COMPACT);
	bool ok = want[0] == '!' || want[1] == 0 ? str_starts(got, str_c(want)) : str_eq(got, str_c(want));
	if (!ok) {
		bad++;
		print_error("%s: want %s got %.*s\n", variable, want, STR(got));
	}
}

/* Limits on what is read and on what comes out. */
static void limits(struct fixture *f, struct pool *p)
{
	static const struct {
		const char *setting, *want;
	} rows[] = {
		{ "TATARA_DOCUMENT_FILE_MB=0", "!Error downloading file: " },
		{ "TATARA_DOCUMENT_TEXT_MB=1", "!" },
		{ "TATARA_DOCUMENT_TEXT_MB=4", "\"" },
	};
	char *big = arena_text(f->mem, 2 << 20);
	memset(big, 'x', 2 << 20);
	struct file_new n = { .tenant_id = S("t1"), .app_id = S("a"), .name = S("big.txt"), .bytes = { big, 2 << 20 }, .created_by = S("u") };
	struct json *made;
	assert_int_equal(file_save(f->flow, f->mem, &n, &made), 0);
	pool_set(p, S("v"), S("big"), made, VAR_INFER);
	for (size_t i = 0; i < countof(rows); i++) {
		const char *const environment[] = { rows[i].setting, NULL };
		struct config *c;
		assert_int_equal(config_load(f->mem, environment, S(""), &c), 0);
		flow_close(f->flow);
		struct flow_options o = { .db = f->db, .broker = f->broker, .blob = f->blob, .client = f->client,
					  .models = f->models, .process_name = S("limits"), .config = c,
					  .secret = S("secret"), .seal_key = (const unsigned char *)key_text };
		assert_int_equal(flow_open(&o, &f->flow), 0);
		one(f, p, "big", rows[i].want);
	}
}

static status extract_main(void *arg)
{
	struct fixture f = { 0 };
	struct pool p;
	(void)arg;
	fixture_open(&f, S(""), "extract", 0);
	fill(&f, &p);
	for (size_t i = 0; i < countof(cases); i++)
		one(&f, &p, cases[i].variable, cases[i].want);
	limits(&f, &p);
	fixture_close(&f);
	return 0;
}

static void extract(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, extract_main, NULL), 0);
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(extract) };
	return cmocka_run_group_tests_name("flow_extract", tests, NULL, NULL);
}
