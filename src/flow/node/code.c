/* SPDX-License-Identifier: Apache-2.0 */
/* code: a program of the user's in the sandbox (workflow.md 7.8). */
#include "base/arena.h"
#include "base/config.h"
#include "flow/node/code_output.h"
#include "flow/node/node.h"
#include "flow/run.h"
#include "tool/code.h"

static const struct {
	struct str name;
	enum code_language language;
} languages[] = {
	{ S_INIT("python3"), CODE_PYTHON3 },
	{ S_INIT("javascript"), CODE_JAVASCRIPT },
};

static bool language_of(const struct json *data, enum code_language *out)
{
	struct str name = json_get_str(data, S("code_language"));
	for (size_t i = 0; i < countof(languages); i++)
		if (str_eq(languages[i].name, name)) {
			*out = languages[i].language;
			return true;
		}
	return false;
}

status node_code_check(struct arena *mem, struct graph_node *n)
{
	enum code_language language;
	(void)mem;
	if (!language_of(n->data, &language))
		return err_set(ERR_INVALID, "code_language: must be python3 or javascript");
	if (!json_is(json_get(n->data, S("code")), JSON_STR))
		return err_set(ERR_INVALID, "code: must be a text");
	const struct json *variables = json_get(n->data, S("variables"));
	if (variables && variables->type != JSON_ARR && variables->type != JSON_NULL)
		return err_set(ERR_INVALID, "variables: must be an array");
	return code_output_declared(json_get(n->data, S("outputs")));
}

static int64_t limit(const struct node_run *run, enum config_key key, int64_t fallback)
{
	const struct config *c = run->flow->options.config;
	return c ? config_int(c, key) : fallback;
}

static struct code_limits limits_of(const struct node_run *run)
{
	return (struct code_limits){
		.number_max = limit(run, CONFIG_CODE_MAX_NUMBER, INT64_MAX),
		.number_min = limit(run, CONFIG_CODE_MIN_NUMBER, INT64_MIN),
		.depth = limit(run, CONFIG_CODE_MAX_DEPTH, 5),
		.precision = limit(run, CONFIG_CODE_MAX_PRECISION, 20),
		.string_length = limit(run, CONFIG_CODE_MAX_STRING_LENGTH, 400000),
		.string_array = limit(run, CONFIG_CODE_MAX_STRING_ARRAY_LENGTH, 30),
		.object_array = limit(run, CONFIG_CODE_MAX_OBJECT_ARRAY_LENGTH, 30),
		.number_array = limit(run, CONFIG_CODE_MAX_NUMBER_ARRAY_LENGTH, 1000),
	};
}

/* Missing variables and empty lists of files arrive as null. */
static void read_inputs(struct node_run *run)
{
	run->result->inputs = json_obj(run->mem);
	json_each(json_get(run->data, S("variables")), row) {
		struct var v;
		bool found = pool_get_json(run->pool, json_get(row, S("value_selector")), &v);
		bool empty_files = found && v.type == VAR_ARRAY_FILE && !v.value.len;
		node_input(run, json_get_str(row, S("variable")),
			   found && !empty_files ? &v.value : NULL);
	}
}

static status sandbox_failed(struct node_run *run)
{
	if (err_code() == ERR_CANCELLED)
		return -1;
	return node_fail(run, "CodeExecutionError", "%.*s", STR(err_text()));
}

status node_code_exec(struct node_run *run)
{
	struct code_service *sandbox = run->flow->options.code;
	enum code_language language = CODE_PYTHON3;
	struct code_answer *answer;
	struct json *result;
	language_of(run->data, &language);
	read_inputs(run);
	if (!sandbox)
		return node_fail(run, "CodeExecutionError",
				 "Failed to execute code: this server has no sandbox "
				 "(CODE_EXECUTION_ENDPOINT)");
	struct str program = code_main_program(
		run->mem, language, json_get_str(run->data, S("code")), run->result->inputs);
	if (code_run(sandbox, run->mem, language, program, run->info->app_id, &answer))
		return sandbox_failed(run);
	if (answer->error.len)
		return node_fail(run, "CodeExecutionError", "%.*s", STR(answer->error));
	if (code_result(run->mem, answer->stdout_text, &result))
		return node_fail(run, "WorkflowNodeError", "%.*s", STR(err_text()));
	struct code_limits limits = limits_of(run);
	return code_output_check(run, &limits, json_get(run->data, S("outputs")), result,
				 &run->result->outputs);
}
