/* SPDX-License-Identifier: Apache-2.0 */
/* agent_step: one round of an agent as the journal keeps it and as clients see it. */
#include "base/arena.h"
#include "tool/agent.h"

struct json *agent_step_state(struct arena *mem, const struct agent_step *s)
{
	struct json *o = json_obj(mem), *calls = json_arr(mem);
	json_set_str(mem, o, S("id"), s->id);
	json_set_int(mem, o, S("position"), s->position);
	json_set_int(mem, o, S("created_ms"), s->created_ms);
	json_set_str(mem, o, S("raw"), s->raw);
	json_set(mem, o, S("usage"), model_usage_json(mem, &s->usage));
	for (size_t i = 0; i < s->call_count; i++) {
		const struct agent_call *c = &s->calls[i];
		struct json *row = json_obj(mem);
		json_set_str(mem, row, S("id"), c->id);
		json_set_str(mem, row, S("name"), c->name);
		json_set_str(mem, row, S("raw"), c->raw);
		json_set_bool(mem, row, S("done"), c->done);
		json_set_bool(mem, row, S("failed"), c->failed);
		json_set_str(mem, row, S("observation"), c->observation);
		json_set_float(mem, row, S("seconds"), c->seconds);
		json_push(mem, calls, row);
	}
	json_set(mem, o, S("calls"), calls);
	return o;
}

/* A name that is called twice in a step gets a list. */
static void put_value(struct arena *mem, struct json *o, struct str name, const struct json *value)
{
	struct json *have = json_get(o, name);
	if (!have) {
		json_set(mem, o, name, value);
		return;
	}
	struct json *list = json_arr(mem);
	if (have->type == JSON_ARR)
		list = have;
	else
		json_push(mem, list, have);
	json_push(mem, list, value);
	json_set(mem, o, name, list);
}

struct json *agent_inputs_json(struct arena *mem, const struct agent_step *s, bool given)
{
	struct json *o = json_obj(mem), *none = json_obj(mem);
	for (size_t i = 0; i < s->call_count; i++) {
		const struct agent_call *c = &s->calls[i];
		const struct json *v = given && c->given ? c->given : c->args;
		put_value(mem, o, c->name, v ? v : c->raw.len ? json_str(mem, c->raw) : none);
	}
	return o;
}

struct json *agent_outputs_json(struct arena *mem, const struct agent_step *s)
{
	struct json *o = json_obj(mem);
	for (size_t i = 0; i < s->call_count; i++)
		put_value(mem, o, s->calls[i].name, json_str(mem, s->calls[i].observation));
	return o;
}
