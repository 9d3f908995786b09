/* SPDX-License-Identifier: Apache-2.0 */
/* agent: the loop. What the two protocols differ in stands in two functions each: ask and remember.
 */
#include "tool/agent.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "rt/rt.h"
#include "tool/react.h"

struct loop {
	struct agent *a;
	struct arena *mem;
	struct agent_result *r;
	struct agent_step *step;
	struct json *messages; /* function calls: question and all rounds so far */
	struct buf scratch;    /* ReAct: rounds as text */
	struct react react;
	bool spoke, resumed;
};

/* --- tools --- */

static bool name_used(const struct agent_tools *list, struct str name)
{
	for (size_t i = 0; i < list->len; i++)
		if (str_eq(list->at[i].name, name))
			return true;
	return false;
}

/* Function names may hold letters, digits, _ and -. */
static struct str function_name(struct arena *mem, const struct agent_tools *list, struct str name)
{
	char *p = arena_text(mem, name.len);
	size_t n = MIN(name.len, 60);
	for (size_t i = 0; i < n; i++) {
		char c = name.at[i];
		bool ok = ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9') ||
			  c == '_' || c == '-';
		p[i] = ok ? c : '_';
	}
	struct str base = str_of(p, n), out = base;
	for (int i = 2; name_used(list, out); i++)
		out = arena_printf(mem, "%.*s_%d", STR(base), i);
	return out;
}

status agent_tool_add(struct tools *tools, struct arena *mem, struct agent_tools *list,
		      const struct tool_scope *scope, const struct tool_ref *ref,
		      const struct json *fixed, struct str description)
{
	struct tool *tool = NULL;
	struct agent_tool *t;
	if (list->len == AGENT_TOOLS_MAX)
		return err_set(ERR_TOO_LARGE, "an agent has at most %d tools", AGENT_TOOLS_MAX);
	if (!list->at)
		list->at = arena_array(mem, struct agent_tool, AGENT_TOOLS_MAX);
	t = &list->at[list->len];
	*t = (struct agent_tool){.name = function_name(mem, list, ref->name), .fixed = fixed};
	if (tool_find(tools, mem, scope, ref, &tool)) {
		if (err_code() != ERR_NOT_FOUND && err_code() != ERR_INVALID)
			return -1;
		t->missing = arena_str(mem, err_text());
		err_clear();
	} else {
		if (description.len)
			tool->description = description;
		t->tool = tool;
		t->function = tool_function(mem, tool, t->name, fixed);
	}
	list->len++;
	return 0;
}

static const struct agent_tool *tool_named(const struct agent *a, struct str name)
{
	for (size_t i = 0; i < a->list.len; i++)
		if (str_eq(a->list.at[i].name, name))
			return &a->list.at[i];
	return NULL;
}

static struct json *functions(struct loop *l)
{
	struct json *list = json_arr(l->mem);
	for (size_t i = 0; i < l->a->list.len; i++)
		if (l->a->list.at[i].function)
			json_push(l->mem, list, l->a->list.at[i].function);
	return list;
}

/* --- state, for going on after a crash --- */

/* The latest state of a position. */
static const struct json *state_of(const struct agent *a, int64_t position)
{
	const struct json *found = NULL;
	json_each(a->resume, s) if (json_get_int(s, S("position"), 0) == position) found = s;
	return found;
}

static void restore_call(struct loop *l, struct agent_call *c, const struct json *row)
{
	struct str text = json_get_str(row, S("observation"));
	c->done = json_get_bool(row, S("done"), false);
	c->failed = json_get_bool(row, S("failed"), false);
	c->observation = arena_str(l->mem, text);
	c->seconds = json_as_double(json_get(row, S("seconds")), 0);
}

/* --- hooks --- */

static status tell(struct loop *l, enum agent_moment m)
{
	return l->a->hooks.moment(l->a->hooks.ctx, m, l->step, l->resumed);
}

static status speak(struct loop *l, struct str piece)
{
	if (!l->spoke) {
		l->spoke = true;
		if (tell(l, AGENT_SPEAKS))
			return -1;
	}
	return piece.len ? l->a->hooks.text(l->a->hooks.ctx, piece) : 0;
}

static status sink(void *arg, struct str piece)
{
	struct loop *l = arg;
	return speak(l, l->a->react ? react_feed(&l->react, piece) : piece);
}

/* --- messages --- */

static void push(struct arena *mem, struct json *list, struct str role, const struct json *content)
{
	struct json *m = json_obj(mem);
	json_set_str(mem, m, S("role"), role);
	json_set(mem, m, S("content"), content);
	json_push(mem, list, m);
}

static void begin_messages(struct loop *l)
{
	struct arena *mem = l->mem;
	l->messages = json_arr(mem);
	if (l->a->instruction.len)
		push(mem, l->messages, S("system"), json_str(mem, l->a->instruction));
	json_each(l->a->history, m) json_push(mem, l->messages, m);
	push(mem, l->messages, S("user"), l->a->question);
}

/* The round of a step, as the model expects to see it again. */
static void remember_calls(struct loop *l)
{
	struct arena *mem = l->mem;
	const struct agent_step *s = l->step;
	struct json *calls = json_arr(mem);
	for (size_t i = 0; i < s->call_count; i++) {
		struct json *c = json_obj(mem), *f = json_obj(mem);
		json_set_str(mem, c, S("id"), s->calls[i].id);
		json_set_str(mem, c, S("type"), S("function"));
		json_set_str(mem, f, S("name"), s->calls[i].name);
		json_set_str(mem, f, S("arguments"), s->calls[i].raw);
		json_set(mem, c, S("function"), f);
		json_push(mem, calls, c);
	}
	push(mem, l->messages, S("assistant"), json_str(mem, s->raw));
	json_set(mem, json_at(l->messages, l->messages->len - 1), S("tool_calls"), calls);
	for (size_t i = 0; i < s->call_count; i++) {
		push(mem, l->messages, S("tool"), json_str(mem, s->calls[i].observation));
		struct json *m = json_at(l->messages, l->messages->len - 1);
		json_set_str(mem, m, S("tool_call_id"), s->calls[i].id);
		json_set_str(mem, m, S("name"), s->calls[i].name);
	}
}

static void remember_text(struct loop *l)
{
	const struct agent_step *s = l->step;
	buf_printf(&l->scratch, "%.*s\nObservation: %.*s\n", STR(str_trim(s->raw)),
		   STR(s->call_count ? s->calls[0].observation : S("")));
}

static struct str react_system(struct loop *l, bool with_tools)
{
	struct arena *mem = l->mem;
	struct json *list = json_arr(mem);
	struct buf names = buf_make(mem, 0);
	for (size_t i = 0; with_tools && i < l->a->list.len; i++) {
		const struct agent_tool *t = &l->a->list.at[i];
		if (!t->function)
			continue;
		json_push(mem, list, json_get(t->function, S("function")));
		buf_printf(&names, "%s\"%.*s\"", names.len ? ", " : "", STR(t->name));
	}
	return arena_printf(
		mem,
		"%.*s\n\nAnswer the user as well as you can. These tools may help:\n\n%.*s\n\n"
		"Work in rounds. In each round write what you think and then one action, as a JSON "
		"object "
		"with the members action (a name) and action_input (what it is given):\n\n"
		"Thought: what is known and what is missing\n"
		"Action:\n```\n{\"action\": \"NAME\", \"action_input\": INPUT}\n```\n\n"
		"Valid \"action\" values: \"Final Answer\"%s%.*s\n\n"
		"After an action stop and wait: the result comes as \"Observation: ...\", then the "
		"next "
		"round begins. When you know the answer, or no tool can help, the action is "
		"\"Final "
		"Answer\" and action_input is the answer as text:\n\n"
		"Thought: I know the answer\n"
		"Action:\n```\n{\"action\": \"Final Answer\", \"action_input\": \"the "
		"answer\"}\n```\n\n"
		"Write exactly one action a round, never an observation of your own.",
		STR(l->a->instruction), STR(json_text(mem, list, JSON_SPACED)),
		names.len ? ", " : "", STR(buf_str(&names)));
}

static struct json *react_messages(struct loop *l, bool with_tools)
{
	struct arena *mem = l->mem;
	struct json *list = json_arr(mem);
	push(mem, list, S("system"), json_str(mem, react_system(l, with_tools)));
	json_each(l->a->history, m) json_push(mem, list, m);
	push(mem, list, S("user"), l->a->question);
	if (l->scratch.len) {
		push(mem, list, S("assistant"), json_str(mem, buf_str(&l->scratch)));
		push(mem, list, S("user"), json_str(mem, S("Go on with the next round.")));
	}
	return list;
}

static const struct json *react_parameters(struct loop *l)
{
	struct arena *mem = l->mem;
	struct json *p = json_is(l->a->parameters, JSON_OBJ) ? json_copy(mem, l->a->parameters)
							     : json_obj(mem);
	struct json *stop = json_get(p, S("stop")), *list = json_arr(mem);
	json_each(stop, s) json_push(mem, list, s);
	json_push_str(mem, list, S("Observation"));
	json_set(mem, p, S("stop"), list);
	return p;
}

/* --- one answer of the model --- */

static status call_model(struct loop *l, bool with_tools, struct model_answer **out)
{
	struct agent *a = l->a;
	struct model_request q = {.tenant_id = a->scope.tenant_id,
				  .provider = a->provider,
				  .name = a->model,
				  .user = a->scope.user};
	if (a->react) {
		q.messages = react_messages(l, with_tools);
		q.parameters = react_parameters(l);
	} else {
		q.messages = l->messages;
		q.parameters = a->parameters;
		q.tools = with_tools ? functions(l) : NULL;
	}
	return models_chat(a->models, l->mem, &q, sink, l, out);
}

static void take_calls(struct loop *l, const struct json *calls)
{
	struct agent_step *s = l->step;
	s->calls = arena_array(l->mem, struct agent_call, json_len(calls) + 1);
	json_each(calls, c)
	{
		const struct json *f = json_get(c, S("function"));
		s->calls[s->call_count++] = (struct agent_call){
			.id = json_get_str(c, S("id")),
			.name = json_get_str(f, S("name")),
			.raw = json_get_str(f, S("arguments")),
		};
	}
}

/* The action of a ReAct answer is its only call. */
static void take_action(struct loop *l)
{
	struct agent_step *s = l->step;
	struct react *r = &l->react;
	size_t made_up = str_find(s->raw, S("\nObservation"));
	s->raw = str_sub(s->raw, 0, made_up);
	s->thought = str_trim(buf_str(&r->thought));
	if (react_is_final(r)) {
		s->final = true;
		s->answer = !r->has_action ? s->thought
			    : json_is(r->input, JSON_STR)
				    ? json_as_str(r->input, S(""))
				    : json_text(l->mem, r->input, JSON_SPACED);
		return;
	}
	s->calls = arena_array(l->mem, struct agent_call, 1);
	s->calls[0] = (struct agent_call){.id = s->id, .name = r->action};
	s->calls[0].raw = json_is(r->input, JSON_STR) ? json_as_str(r->input, S(""))
						      : json_text(l->mem, r->input, JSON_SPACED);
	s->call_count = 1;
}

/* Arguments as an object: JSON text, or a plain text for a tool with one open parameter. */
static const struct json *read_args(struct loop *l, const struct agent_call *c)
{
	struct json *v;
	struct str raw = str_trim(c->raw);
	if (!raw.len)
		return json_obj(l->mem);
	if (json_parse(l->mem, raw, &v) == 0 && json_is(v, JSON_OBJ))
		return v;
	err_clear();
	const struct json *open =
		c->tool && c->tool->function
			? json_path(c->tool->function, "function.parameters.properties")
			: NULL;
	if (!l->a->react || json_len(open) != 1)
		return NULL;
	v = json_obj(l->mem);
	json_set_str(l->mem, v, open->members[0].name, c->raw);
	return v;
}

/* The model's answer becomes the step, new or as it was stored. */
static status read_answer(struct loop *l, struct str raw, const struct json *calls)
{
	struct agent_step *s = l->step;
	s->raw = raw;
	s->asked = true;
	if (l->a->react) {
		if (speak(l, react_end(&l->react)))
			return -1;
		take_action(l);
	} else {
		s->thought = raw;
		take_calls(l, calls);
		s->final = !s->call_count;
		s->answer = raw;
	}
	for (size_t i = 0; i < s->call_count; i++) {
		struct agent_call *c = &s->calls[i];
		c->tool = tool_named(l->a, c->name);
		c->args = read_args(l, c);
	}
	if (speak(l, S("")))
		return -1;
	return s->final ? 0 : l->a->hooks.text(l->a->hooks.ctx, S(""));
}

/* What the stored state says, in the form of the model's own calls. */
static struct json *stored_calls(struct loop *l, const struct json *state)
{
	struct json *list = json_arr(l->mem);
	json_each(json_get(state, S("calls")), row)
	{
		struct json *c = json_obj(l->mem), *f = json_obj(l->mem);
		json_set(l->mem, c, S("id"), json_get(row, S("id")));
		json_set(l->mem, f, S("name"), json_get(row, S("name")));
		json_set(l->mem, f, S("arguments"), json_get(row, S("raw")));
		json_set(l->mem, c, S("function"), f);
		json_push(l->mem, list, c);
	}
	return list;
}

static status ask_again(struct loop *l, const struct json *state)
{
	struct agent_step *s = l->step;
	struct str raw = json_get_str(state, S("raw"));
	s->id = json_get_str(state, S("id"));
	s->created_ms = json_get_int(state, S("created_ms"), s->created_ms);
	model_usage_read(json_get(state, S("usage")), &s->usage);
	if (raw.len && sink(l, raw))
		return -1;
	if (read_answer(l, raw, stored_calls(l, state)))
		return -1;
	const struct json *rows = json_get(state, S("calls"));
	for (size_t i = 0; i < s->call_count && i < json_len(rows); i++)
		restore_call(l, &s->calls[i], json_at(rows, i));
	return 0;
}

static status ask(struct loop *l, bool with_tools)
{
	struct agent_step *s = l->step;
	const struct json *state = state_of(l->a, s->position);
	struct model_answer *m;
	l->spoke = false;
	l->resumed = state != NULL;
	react_init(&l->react, l->mem);
	if (state) {
		if (ask_again(l, state))
			return -1;
	} else {
		if (call_model(l, with_tools, &m))
			return -1;
		s->usage = m->usage;
		if (read_answer(l, m->text, m->tool_calls))
			return -1;
	}
	model_usage_add(l->mem, &l->r->usage, &s->usage);
	l->r->has_usage = true;
	return tell(l, AGENT_ASKED);
}

/* --- one call of a tool --- */

static struct str cut(struct arena *mem, struct str s)
{
	if (s.len <= AGENT_OBSERVATION_MAX)
		return s;
	s = str_sub(s, 0, AGENT_OBSERVATION_MAX);
	while (s.len && ((unsigned char)s.at[s.len - 1] & 0xc0) == 0x80)
		s.len--;
	s.len -= s.len > 0;
	return arena_printf(mem, "%.*s\n[cut: the answer was longer]", STR(s));
}

static struct json *merged(struct arena *mem, const struct agent_call *c)
{
	struct json *all = json_copy(mem, c->args);
	json_each_member(c->tool->fixed, m) json_set(mem, all, m->name, &m->value);
	return all;
}

static struct str wrong_call(struct loop *l, const struct agent_call *c)
{
	if (!c->tool)
		return arena_printf(l->mem, "there is not a tool named %.*s", STR(c->name));
	if (!c->tool->tool)
		return arena_printf(l->mem, "tool invoke error: %.*s", STR(c->tool->missing));
	return S("tool invoke error: the arguments are not a JSON object");
}

static status run_call(struct loop *l, struct agent_call *c)
{
	struct tool_result result;
	int64_t began = rt_now();
	if (!c->tool || !c->tool->tool || !c->args) {
		c->failed = true;
		c->observation = wrong_call(l, c);
	} else {
		/* The step is stored with its id, so a repeated call has the same name. */
		struct tool_scope scope = l->a->scope;
		scope.call_id = arena_printf(l->mem, "%.*s:%zu", STR(l->step->id),
					     (size_t)(c - l->step->calls));
		c->given = merged(l->mem, c);
		if (tool_invoke(l->a->tools, l->mem, &scope, c->tool->tool, c->given, &result)) {
			if (err_code() == ERR_CANCELLED)
				return -1;
			c->failed = true;
			c->observation =
				arena_printf(l->mem, "tool invoke error: %.*s", STR(err_text()));
			err_clear();
		} else {
			c->observation = cut(l->mem, tool_result_text(l->mem, &result));
			c->files = result.files;
			c->file_count = result.file_count;
		}
	}
	c->seconds = (double)(rt_now() - began) / 1e9;
	c->done = true;
	return 0;
}

static status run_calls(struct loop *l)
{
	for (size_t i = 0; i < l->step->call_count; i++) {
		struct agent_call *c = &l->step->calls[i];
		if (c->done) {
			if (c->tool && c->args)
				c->given = merged(l->mem, c);
			continue;
		}
		l->resumed = false;
		if (run_call(l, c) || tell(l, AGENT_CALLED))
			return -1;
	}
	return tell(l, AGENT_DONE);
}

/* --- the loop --- */

static status used_up(const struct agent *a)
{
	return err_public(ERR_INVALID, "invalid_param", 400,
			  "The agent used all its %d rounds and still asks for a tool. Allow more "
			  "iterations, or "
			  "make the task smaller.",
			  (int)a->steps_max);
}

static void finish(struct loop *l)
{
	struct agent_result *r = l->r;
	struct buf b = buf_make(l->mem, 0);
	if (l->a->react) {
		r->text = r->steps[r->step_count - 1].answer;
		return;
	}
	for (size_t i = 0; i < r->step_count; i++)
		if (r->steps[i].raw.len)
			buf_printf(&b, "%.*s\n", STR(r->steps[i].raw));
	r->text = buf_str(&b);
}

static status begin_step(struct loop *l, int64_t position)
{
	l->step = &l->r->steps[l->r->step_count++];
	struct str name = arena_printf(l->mem, "%.*s/%lld", STR(l->a->seed), (long long)position);
	*l->step = (struct agent_step){
		.position = position, .id = id_uuid_of(l->mem, name), .created_ms = clock_ms()};
	return ask(l, position <= l->a->steps_max);
}

static status end_step(struct loop *l)
{
	/* A ReAct answer was not said yet: it stands inside the action. */
	if (l->step->final && l->a->react && l->react.has_action && l->step->answer.len &&
	    l->a->hooks.text(l->a->hooks.ctx, l->step->answer))
		return -1;
	if (l->step->final)
		return tell(l, AGENT_DONE);
	if (l->step->position > l->a->steps_max)
		return used_up(l->a);
	if (run_calls(l))
		return -1;
	if (l->a->react)
		remember_text(l);
	else
		remember_calls(l);
	return 0;
}

status agent_run(struct agent *a, struct arena *mem, struct agent_result *out)
{
	struct loop l = {.a = a, .mem = mem, .r = out, .scratch = buf_make(mem, 0)};
	a->steps_max = MIN(MAX(a->steps_max, 1), AGENT_STEPS_MAX);
	*out = (struct agent_result){
		.steps = arena_array(mem, struct agent_step, (size_t)a->steps_max + 1)};
	begin_messages(&l);
	for (int64_t position = 1; position <= a->steps_max + 1; position++) {
		if (begin_step(&l, position) || end_step(&l))
			return -1;
		if (l.step->final)
			break;
	}
	finish(&l);
	return 0;
}
