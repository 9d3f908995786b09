/* SPDX-License-Identifier: Apache-2.0 */
/*
 * human-input: asks a person (workflow.md 7.24). Runs twice: the first time it makes the form and
 * waits, the second time, with the settled form, it gives out what was entered. The engine and
 * form.c do what lies between.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/id.h"
#include "flow/flow.h"
#include "flow/node/node.h"

enum {
	TOKEN_LEN = 43, /* of 62 characters: more than 256 bits */
	ACTION_LEN_MAX = 20,
	TIMEOUT_DAYS = 3,
	HOUR_MS = 3600 * 1000,
};

/* Files before user_actions existed leave by the plain edge. */
static const struct str plain_action = S_INIT("source");

static bool identifier(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
		if (!letter && !(i && c >= '0' && c <= '9'))
			return false;
	}
	return s.len > 0;
}

static status check_actions(const struct json *actions)
{
	if (actions && actions->type != JSON_ARR && actions->type != JSON_NULL)
		return err_set(ERR_INVALID, "user_actions: must be an array");
	json_each(actions, a) {
		struct str id = json_get_str(a, S("id"));
		if (!identifier(id) || id.len > ACTION_LEN_MAX)
			return err_set(ERR_INVALID,
				       "user_actions: id '%.*s' is not an identifier of at most %d "
				       "characters",
				       STR(str_sub(id, 0, 40)), ACTION_LEN_MAX);
		json_each(actions, other)
			if (other != a && str_eq(json_get_str(other, S("id")), id))
				return err_set(ERR_INVALID, "user_actions: id '%.*s' is used twice",
					       STR(id));
	}
	return 0;
}

status node_human_input_check(struct arena *mem, struct graph_node *n)
{
	(void)mem;
	const struct json *inputs = json_get(n->data, S("inputs"));
	if (inputs && inputs->type != JSON_ARR && inputs->type != JSON_NULL)
		return err_set(ERR_INVALID, "inputs: must be an array");
	json_each(inputs, row)
		if (!json_get_str(row, S("output_variable_name")).len)
			return err_set(ERR_INVALID, "inputs: an item has no output_variable_name");
	return check_actions(json_get(n->data, S("user_actions")));
}

/* --- the form --- */

static struct json *actions_of(struct node_run *run)
{
	struct arena *mem = run->mem;
	const struct json *given = json_get(run->data, S("user_actions"));
	if (json_is(given, JSON_ARR) && given->len)
		return json_copy(mem, given);
	struct json *list = json_arr(mem), *one = json_obj(mem);
	json_set_str(mem, one, S("id"), plain_action);
	json_set_str(mem, one, S("title"), S("Continue"));
	json_set_str(mem, one, S("button_style"), S("primary"));
	json_push(mem, list, one);
	return list;
}

/* A select's options, from the file or from a variable. */
static struct json *options_of(struct node_run *run, const struct json *row)
{
	const struct json *source = json_get(row, S("option_source"));
	struct json *list = json_arr(run->mem);
	const struct json *from = json_get(row, S("options"));
	struct var v;
	if (str_eq(json_get_str(source, S("type")), S("variable"))) {
		from = pool_get_json(run->pool, json_get(source, S("selector")), &v) ? &v.value
										     : NULL;
	} else if (source) {
		from = json_get(source, S("value"));
	}
	json_each(from, option)
		if (option->type == JSON_STR)
			json_push(run->mem, list, json_copy(run->mem, option));
	return list;
}

/* What the field shows first: a constant, a variable's text, or an early file's placeholder. */
static struct str default_of(struct node_run *run, const struct json *row)
{
	const struct json *d = json_get(row, S("default"));
	struct var v;
	if (!json_is(d, JSON_OBJ))
		d = json_get(row, S("placeholder"));
	if (json_is(d, JSON_STR))
		return json_as_str(d, S(""));
	if (!str_eq(json_get_str(d, S("type")), S("variable")))
		return json_get_str(d, S("value"));
	return pool_get_json(run->pool, json_get(d, S("selector")), &v)
		       ? var_text(run->mem, &v, VAR_TEXT)
		       : S("");
}

static bool text_field(const struct json *row)
{
	struct str type = json_get_str(row, S("type"));
	return !str_eq(type, S("select")) && !str_starts(type, S("file"));
}

static void add_inputs(struct node_run *run, struct json *definition)
{
	struct arena *mem = run->mem;
	struct json *inputs = json_arr(mem), *defaults = json_obj(mem);
	json_each(json_get(run->data, S("inputs")), row) {
		struct json *o = json_copy(mem, row);
		if (str_eq(json_get_str(row, S("type")), S("select")))
			json_set(mem, o, S("options"), options_of(run, row));
		if (text_field(row))
			json_set_str(mem, defaults, json_get_str(o, S("output_variable_name")),
				     default_of(run, row));
		json_push(mem, inputs, o);
	}
	json_set(mem, definition, S("inputs"), inputs);
	json_set(mem, definition, S("resolved_default_values"), defaults);
}

/* Files without delivery methods are for the page. */
static bool for_web(const struct json *data)
{
	const struct json *methods = json_get(data, S("delivery_methods"));
	bool web = !json_len(methods);
	json_each(methods, m)
		web |= str_eq(json_get_str(m, S("type")), S("webapp")) &&
		       json_get_bool(m, S("enabled"), true);
	return web;
}

static int64_t life_ms(const struct json *data)
{
	double n = json_as_double(json_get(data, S("timeout")), 0);
	bool hours = str_eq(json_get_str(data, S("timeout_unit")), S("hour"));
	if (!(n > 0) || n > 36500)
		return (int64_t)TIMEOUT_DAYS * 24 * HOUR_MS;
	return (int64_t)(n * (hours ? 1 : 24) * HOUR_MS);
}

static struct flow_form *make_form(struct node_run *run)
{
	struct arena *mem = run->mem;
	struct flow_form *f = arena_new(mem, struct flow_form);
	struct json *d = json_obj(mem);
	struct str content = json_get_str(run->data, S("form_content"));
	if (!content.len)
		content = json_get_str(run->data, S("pause_reason")); /* of the first version */
	json_set_str(mem, d, S("node_title"), run->node->title);
	json_set_str(mem, d, S("form_content"),
		     template_text(mem, content, run->pool, VAR_MARKDOWN));
	add_inputs(run, d);
	json_set(mem, d, S("user_actions"), actions_of(run));
	json_set_bool(mem, d, S("webapp"), for_web(run->data));
	*f = (struct flow_form){
		.id = id_uuid(mem),
		.token = id_token(mem, TOKEN_LEN),
		.run_id = run->info->run_id,
		.node_id = run->node->id,
		.state = FORM_WAITING,
		.definition = d,
		.data = json_obj(mem),
		.created_ms = clock_ms(),
	};
	f->expires_ms = f->created_ms + life_ms(run->data);
	return f;
}

/* --- the answer --- */

static struct str value_text(struct arena *mem, const struct json *v)
{
	struct var var = { .type = var_infer(v), .value = *v };
	return var_text(mem, &var, VAR_MARKDOWN);
}

/* Puts what was entered where the text marks its fields: {{#$output.name#}} or with "outputs". */
static struct str render(struct arena *mem, struct str text, const struct json *data)
{
	static const struct str marks[] = { S_INIT("{{#$output."), S_INIT("{{#$outputs.") };
	struct buf b = buf_make(mem, 0);
	while (text.len) {
		size_t at = str_find(text, S("{{#$output")), end = str_find(text, S("#}}"));
		if (at == SIZE_MAX)
			break;
		buf_put(&b, str_sub(text, 0, at));
		text = str_skip(text, at);
		end = str_find(text, S("#}}"));
		const struct json *v = NULL;
		for (size_t i = 0; i < countof(marks) && end != SIZE_MAX; i++)
			if (str_starts(text, marks[i]))
				v = json_get(data, str_sub(text, marks[i].len, end - marks[i].len));
		if (v) {
			buf_put(&b, value_text(mem, v));
			text = str_skip(text, end + 3);
		} else {
			buf_put(&b, str_sub(text, 0, 3)); /* no field of ours: as it stands */
			text = str_skip(text, 3);
		}
	}
	buf_put(&b, text);
	return buf_str(&b);
}

static struct str title_of(const struct flow_form *f)
{
	json_each(json_get(f->definition, S("user_actions")), a)
		if (str_eq(json_get_str(a, S("id")), f->action))
			return json_get_str(a, S("title"));
	return S("");
}

static void give_out(struct node_run *run)
{
	const struct flow_form *f = run->form;
	struct str content = json_get_str(f->definition, S("form_content"));
	bool submitted = f->state == FORM_SUBMITTED;
	json_each_member(f->data, m)
		node_output(run, m->name, &m->value);
	node_output(run, S("__action_id"), json_str(run->mem, f->action));
	node_output(run, S("__action_value"), json_str(run->mem, title_of(f)));
	node_output(run, S("__rendered_content"),
		    json_str(run->mem, submitted ? render(run->mem, content, f->data) : content));
	run->result->handle = submitted ? f->action : S("__timeout");
}

status node_human_input_exec(struct node_run *run)
{
	if (!run->form)
		run->result->form = make_form(run);
	else if (run->form->state == FORM_WAITING)
		run->result->form = run->form;
	else
		give_out(run);
	return 0;
}
