/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document-extractor: the text of files (workflow.md 7.16). Fetching waits in the node's fiber,
 * reading happens on a pool thread with memory of its own.
 */
#include "base/arena.h"
#include "base/config.h"
#include "flow/file.h"
#include "flow/node/node.h"
#include "flow/run.h"
#include "text/document.h"

/* Errors carry no class, as those of recorded servers. */
#define FAILED ""

struct job {
	struct arena *mem;
	struct document document;
	struct str text;
};

static void job_free(void *p)
{
	struct job *job = p;
	arena_close(job->mem);
}

static status job_run(void *p)
{
	struct job *job = p;
	return document_text(job->mem, &job->document, &job->text);
}

static int64_t mib(const struct node_run *run, enum config_key key, int64_t fallback)
{
	const struct config *c = run->flow->options.config;
	return (c ? config_int(c, key) : fallback) << 20;
}

static status failed(struct node_run *run, const char *what)
{
	struct err why;
	err_save(&why);
	if (why.code == ERR_CANCELLED)
		return err_restore(&why);
	return node_fail(run, FAILED, "%s%s", what, why.text);
}

static status read_file(struct node_run *run, const struct json *file, struct str *out)
{
	struct arena *mem = arena_open(0);
	struct job *job = arena_new(mem, struct job);
	*job = (struct job){ .mem = mem, .document = {
		.extension = arena_str(mem, json_get_str(file, S("extension"))),
		.mime_type = arena_str(mem, json_get_str(file, S("mime_type"))),
		.text_max = (size_t)mib(run, CONFIG_TATARA_DOCUMENT_TEXT_MB, 16),
	} };
	uint64_t max = (uint64_t)mib(run, CONFIG_TATARA_DOCUMENT_FILE_MB, 100);
	if (file_check_tenant(file, run->info->tenant_id) ||
	    file_content(run->flow, mem, file, max, &job->document.bytes)) {
		job_free(job);
		return failed(run, "Error downloading file: ");
	}
	if (pool_run(job_run, job, job_free))
		return failed(run, "");
	*out = arena_str(run->mem, job->text);
	job_free(job);
	return 0;
}

static status read_list(struct node_run *run, const struct json *files)
{
	struct json *texts = json_arr(run->mem);
	json_each(files, file) {
		struct str text;
		if (read_file(run, file, &text))
			return -1;
		json_push_str(run->mem, texts, text);
	}
	node_output(run, S("text"), texts);
	return 0;
}

static void show(struct node_run *run, const struct json *selector, const struct json *value)
{
	struct json *list = json_arr(run->mem);
	if (value->type != JSON_ARR)
		json_push(run->mem, list, value);
	node_input(run, S("variable_selector"), selector);
	run->result->process = json_obj(run->mem);
	json_set(run->mem, run->result->process, S("documents"),
		 value->type == JSON_ARR ? value : list);
}

status node_document_extractor_check(struct arena *mem, struct graph_node *n)
{
	(void)mem;
	if (!json_is(json_get(n->data, S("variable_selector")), JSON_ARR))
		return err_set(ERR_INVALID, "variable_selector: is required");
	return 0;
}

status node_document_extractor_exec(struct node_run *run)
{
	const struct json *selector = json_get(run->data, S("variable_selector"));
	struct var v;
	struct str text;
	if (!pool_get_json(run->pool, selector, &v))
		return node_fail(run, FAILED, "File variable not found for selector: %.*s",
				 STR(selector_python(run->mem, selector)));
	bool list = v.type == VAR_ARRAY_FILE || (v.value.type == JSON_ARR && !v.value.len);
	if (!list && v.type != VAR_FILE)
		return node_fail(run, FAILED, "Variable %.*s is not an ArrayFileSegment",
				 STR(selector_python(run->mem, selector)));
	show(run, selector, &v.value);
	if (list)
		return read_list(run, &v.value);
	if (read_file(run, &v.value, &text))
		return -1;
	node_output(run, S("text"), json_str(run->mem, text));
	return 0;
}
