/* SPDX-License-Identifier: Apache-2.0 */
/*
 * question-classifier: a model names the class of a question, the run goes on along that class
 * (workflow.md 7.7). The question goes in the form {"input_text", "categories",
 * "classification_instructions"}, the answer is an object with the id and name of one category.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "flow/flow.h"
#include "flow/node/llm.h"
#include "flow/node/prompt.h"
#include "flow/repair.h"
#include "flow/run.h"

status node_classifier_check(struct arena *mem, struct graph_node *n)
{
	(void)mem;
	if (!json_is(json_get(n->data, S("model")), JSON_OBJ))
		return err_set(ERR_INVALID, "model: is required");
	if (!json_len(json_get(n->data, S("classes"))))
		return err_set(ERR_INVALID, "classes: at least one is required");
	return 0;
}

/* --- the prompt --- */

static const char task[] =
	"You sort texts into categories.\n\n"
	"Each request is a JSON object. input_text holds the text, categories lists the choices "
	"with "
	"category_id and category_name, classification_instructions may hold rules of the author "
	"that "
	"come before your own judgement.\n\n"
	"Choose exactly one of the listed categories: the one that fits best, even when none fits "
	"well. Note the words that decided.\n\n"
	"Answer with one JSON object and nothing else: keywords (list of texts), category_id and "
	"category_name (both copied from the list).\n";

/* Two worked examples: one with an instruction, one without. */
static const struct {
	const char *text, *categories, *rule, *answer;
} examples[] = {
	{"My parcel was due on Monday and still is not here.",
	 "[{\"category_id\": \"a1\", \"category_name\": \"Delivery\"}, {\"category_id\": \"a2\", "
	 "\"category_name\": \"Payment\"}, {\"category_id\": \"a3\", \"category_name\": "
	 "\"Other\"}]",		   "questions about where an order is belong to Delivery",
	 "{\"keywords\": [\"parcel\", \"due\"], \"category_id\": \"a1\", \"category_name\": "
	 "\"Delivery\"}"},
	{"The soup was cold, but the waiter was kind.",
	 "[{\"category_id\": \"b1\", \"category_name\": \"Service\"}, {\"category_id\": \"b2\", "
	 "\"category_name\": \"Food\"}]", NULL,
	 "{\"keywords\": [\"soup\", \"cold\"], \"category_id\": \"b2\", \"category_name\": "
	 "\"Food\"}"    },
};

static struct str request_text(struct arena *mem, struct str text, struct str categories,
			       struct str rule)
{
	struct buf b = buf_make(mem, 0);
	buf_puts(&b, "{\"input_text\": [");
	json_write_string(&b, text, JSON_COMPACT);
	buf_puts(&b, "],\n\"categories\": ");
	buf_put(&b, categories);
	buf_puts(&b, ",\n\"classification_instructions\": [");
	if (rule.len)
		json_write_string(&b, rule, JSON_COMPACT);
	buf_puts(&b, "]}");
	return buf_str(&b);
}

/* The classes with their names rendered, [{category_id, category_name}]. */
static struct json *categories_of(struct node_run *run)
{
	struct arena *mem = run->mem;
	struct json *list = json_arr(mem);
	json_each(json_get(run->data, S("classes")), c)
	{
		struct json *row = json_obj(mem);
		struct str name = json_get_str(c, S("name"));
		json_set_str(mem, row, S("category_id"), json_get_str(c, S("id")));
		json_set_str(mem, row, S("category_name"),
			     template_text(mem, name, run->pool, VAR_TEXT));
		json_push(mem, list, row);
	}
	return list;
}

static void push_text(struct node_run *run, struct prompt *p, struct str role, struct str text)
{
	prompt_push(run, p, role, json_str(run->mem, text));
}

static void push_examples(struct node_run *run, struct prompt *p)
{
	for (size_t i = 0; i < countof(examples); i++) {
		struct str q = request_text(run->mem, str_c(examples[i].text),
					    str_c(examples[i].categories), str_c(examples[i].rule));
		push_text(run, p, S("user"), q);
		push_text(run, p, S("assistant"),
			  arena_printf(run->mem, "```json\n%s\n```", examples[i].answer));
	}
}

/* A completion model gets all of it as one text. */
static void join(struct node_run *run, struct prompt *p)
{
	struct buf b = buf_make(run->mem, 0);
	json_each(p->messages, m)
	{
		struct str role = json_get_str(m, S("role"));
		buf_put(&b, str_eq(role, S("user"))        ? S("Request:\n")
			    : str_eq(role, S("assistant")) ? S("Answer:\n")
							   : S(""));
		buf_put(&b, json_get_str(m, S("content")));
		buf_puts(&b, "\n\n");
	}
	buf_puts(&b, "Answer:\n");
	p->messages = json_arr(run->mem);
	push_text(run, p, S("user"), buf_str(&b));
	p->completion = true;
}

/* The question, behind the pictures that the vision setting names. */
static status push_question(struct node_run *run, struct prompt *p, struct str question)
{
	struct json *parts, *files;
	if (prompt_vision(run, p, &parts, &files))
		return -1;
	if (!parts->len) {
		push_text(run, p, S("user"), question);
		return 0;
	}
	struct json *text = json_obj(run->mem);
	json_set_str(run->mem, text, S("type"), S("text"));
	json_set_str(run->mem, text, S("text"), question);
	json_push(run->mem, parts, text);
	prompt_push(run, p, S("user"), parts);
	return 0;
}

static status build(struct node_run *run, struct str query, const struct json *categories,
		    struct prompt *p)
{
	struct arena *mem = run->mem;
	struct json *history;
	p->messages = json_arr(mem);
	if (prompt_history(run, p, &history))
		return -1;
	struct str rule =
		template_text(mem, json_get_str(run->data, S("instruction")), run->pool, VAR_TEXT);
	struct str system =
		arena_printf(mem, "%s\nThe conversation so far:\n<histories>\n%.*s\n</histories>\n",
			     task, STR(prompt_history_text(run, history)));
	push_text(run, p, S("system"), system);
	push_examples(run, p);
	struct str question =
		request_text(mem, query, json_text(mem, categories, JSON_SPACED), rule);
	if (push_question(run, p, question))
		return -1;
	if (str_eq(json_get_str(json_get(run->data, S("model")), S("mode")), S("completion")))
		join(run, p);
	prompt_show(run, p);
	return 0;
}

/* --- the answer --- */

/* The object inside the answer: between fences, or from the first bracket on. */
static status read_answer(struct node_run *run, struct str text, const struct json **out)
{
	struct str thoughts;
	struct json *v;
	text = prompt_split_thoughts(run->mem, text, &thoughts);
	if (str_find_char(text, '{') == SIZE_MAX)
		return node_fail(run, "OutputParserError",
				 "could not find json block in the output.");
	if (json_repair(run->mem, text, &v) || (json_is(v, JSON_ARR) && !(v = json_at(v, 0))) ||
	    !json_is(v, JSON_OBJ))
		return node_fail(run, "OutputParserError", "got invalid json object. error: %.*s",
				 STR(str_sub(text, 0, utf8_prefix(text, 200))));
	*out = v;
	return 0;
}

/* The class that the answer names; the first one when it names none that exists. */
static const struct json *chosen(const struct json *categories, const struct json *answer)
{
	struct json *id = json_get(answer, S("category_id"));
	json_each(categories, c)
	{
		int64_t number;
		struct str known = json_get_str(c, S("category_id"));
		if (json_is(id, JSON_STR) && str_eq(json_as_str(id, S("")), known))
			return c;
		/* Models like to write "1" as 1. */
		if (json_is(id, JSON_INT) && !str_to_i64(known, &number) &&
		    number == json_as_int(id, 0))
			return c;
	}
	return json_at(categories, 0);
}

static struct str query_of(struct node_run *run)
{
	struct var v;
	const struct json *selector = json_get(run->data, S("query_variable_selector"));
	if (!json_len(selector))
		selector = json_get(run->data, S("query_variable"));
	if (!pool_get_json(run->pool, selector, &v))
		return S("");
	node_input(run, S("query"), &v.value);
	return var_text(run->mem, &v, VAR_TEXT);
}

static void show_process(struct node_run *run, const struct prompt *p,
			 const struct model_request *q, const struct model_answer *a)
{
	struct arena *mem = run->mem;
	struct json *o = json_obj(mem);
	json_set_str(mem, o, S("model_mode"), p->completion ? S("completion") : S("chat"));
	json_set(mem, o, S("prompts"), p->shown);
	json_set(mem, o, S("usage"), model_usage_json(mem, &a->usage));
	json_set_str(mem, o, S("finish_reason"), a->finish_reason);
	json_set_str(mem, o, S("model_provider"), q->provider.len ? q->provider : a->provider);
	json_set_str(mem, o, S("model_name"), q->name.len ? q->name : a->name);
	run->result->process = o;
}

status node_classifier_exec(struct node_run *run)
{
	struct arena *mem = run->mem;
	const struct json *model = json_get(run->data, S("model")), *answer = NULL, *class;
	struct model_features features = {0};
	struct prompt p = {.features = &features};
	struct model_answer *a;
	struct model_request q = {
		.tenant_id = run->info->tenant_id,
		.provider = json_get_str(model, S("provider")),
		.name = json_get_str(model, S("name")),
		.parameters = json_get(model, S("completion_params")),
		.user = run->info->user,
	};
	run->result->inputs = json_obj(mem);
	struct str query = query_of(run);
	struct json *categories = categories_of(run);
	if (models_features(run->flow->options.models, mem, q.tenant_id, q.provider, q.name,
			    &features))
		return llm_failed(run);
	if (build(run, query, categories, &p))
		return -1;
	q.messages = p.messages;
	q.completion = p.completion;
	if (models_chat(run->flow->options.models, mem, &q, llm_quiet, run, &a))
		return llm_failed(run);
	llm_usage(run, &a->usage);
	if (read_answer(run, a->text, &answer))
		return -1;
	show_process(run, &p, &q, a);
	class = chosen(categories, answer);
	node_output(run, S("class_name"), json_get(class, S("category_name")));
	node_output(run, S("class_id"), json_get(class, S("category_id")));
	node_output(run, S("usage"), model_usage_json(mem, &a->usage));
	run->result->handle = json_get_str(class, S("category_id"));
	return 0;
}
