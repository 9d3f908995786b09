/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prompt: templates, context, memory, query and files become the messages of one model call. See
 * prompt.h; the steps are numbered as in workflow.md 7.4.
 */
#include "flow/node/prompt.h"
#include "flow/node/think.h"

#include "base/arena.h"
#include "base/buf.h"
#include "flow/file.h"
#include "flow/node/jinja.h"
#include "flow/run.h"

enum { HISTORY_MAX = 500, TOKENS_WITHOUT_CONTEXT = 2000 };

/* --- 1: every named variable must exist --- */

static status need_variables(struct node_run *run, struct str text)
{
	struct template t;
	struct var v;
	template_parse(run->mem, text, &t);
	for (size_t i = 0; i < t.len; i++)
		if (t.parts[i].variable && !pool_get(run->pool, t.parts[i].parts, t.parts[i].count, &v))
			return node_fail(run, "VariableNotFoundError", "Variable #%.*s# not found",
					 STR(t.parts[i].text));
	return 0;
}

static bool is_jinja(const struct json *item)
{
	return str_eq(json_get_str(item, S("edition_type")), S("jinja2"));
}

static status check_prompt(struct node_run *run, const struct json *item)
{
	return is_jinja(item) ? 0 : need_variables(run, json_get_str(item, S("text")));
}

static const struct json *jinja_variables(const struct node_run *run)
{
	return json_path(run->data, "prompt_config.jinja2_variables");
}

/* They must exist even when no prompt is a template. */
static status check_jinja_variables(struct node_run *run)
{
	struct str parts[SELECTOR_PARTS_MAX];
	struct var v;
	json_each(jinja_variables(run), row) {
		const struct json *selector = json_get(row, S("value_selector"));
		if (pool_get_json(run->pool, selector, &v))
			continue;
		struct buf b = buf_make(run->mem, 0);
		size_t n = selector_read(selector, parts);
		for (size_t i = 0; i < n; i++) {
			if (i)
				buf_putc(&b, '.');
			buf_put(&b, parts[i]);
		}
		return node_fail(run, "VariableNotFoundError", "Variable #%.*s# not found", STR(buf_str(&b)));
	}
	return 0;
}

/* A template sees the declared variables only. */
static status render_jinja(struct node_run *run, const struct json *item, struct str *out)
{
	struct json *inputs = json_obj(run->mem);
	json_each(jinja_variables(run), row) {
		struct var v;
		bool found = pool_get_json(run->pool, json_get(row, S("value_selector")), &v);
		json_set(run->mem, inputs, json_get_str(row, S("variable")), found ? &v.value : NULL);
	}
	return node_jinja(run, json_get_str(item, S("jinja2_text")), inputs, out);
}

static status check_variables(struct node_run *run)
{
	const struct json *t = json_get(run->data, S("prompt_template"));
	if (json_is(t, JSON_OBJ)) {
		if (check_prompt(run, t))
			return -1;
	} else {
		json_each(t, item)
			if (check_prompt(run, item))
				return -1;
	}
	struct str query = json_get_str(json_get(run->data, S("memory")), S("query_prompt_template"));
	return need_variables(run, query) || check_jinja_variables(run) ? -1 : 0;
}

/* --- 2: context --- */

static status add_context_item(struct node_run *run, struct buf *b, const struct json *item)
{
	struct arena *mem = run->mem;
	if (item->type == JSON_STR) {
		buf_put(b, json_as_str(item, S("")));
		buf_putc(b, '\n');
		return 0;
	}
	if (!json_get(item, S("content")))
		return node_fail(run, "InvalidContextStructureError", "Invalid context structure: %.*s",
				 STR(selector_python(mem, item)));
	struct str summary = json_get_str(item, S("summary"));
	if (summary.len) {
		buf_put(b, summary);
		buf_putc(b, '\n');
	}
	buf_put(b, json_get_str(item, S("content")));
	buf_putc(b, '\n');
	const struct json *meta = json_get(item, S("metadata"));
	if (str_eq(json_get_str(meta, S("_source")), S("knowledge"))) {
		if (!run->result->resources)
			run->result->resources = json_arr(mem);
		struct json *citation = json_copy(mem, meta);
		json_remove(citation, S("_source"));
		json_set(mem, citation, S("content"), json_get(item, S("content")));
		json_push(mem, run->result->resources, citation);
	}
	return 0;
}

static status read_context(struct node_run *run, struct str *out)
{
	const struct json *c = json_get(run->data, S("context"));
	struct var v;
	*out = S("");
	if (!json_get_bool(c, S("enabled"), false) ||
	    !pool_get_json(run->pool, json_get(c, S("variable_selector")), &v))
		return 0;
	if (v.value.type == JSON_STR) {
		*out = json_as_str(&v.value, S(""));
	} else if (v.value.type == JSON_ARR) {
		struct buf b = buf_make(run->mem, 0);
		json_each(&v.value, item)
			if (add_context_item(run, &b, item))
				return -1;
		*out = str_trim(buf_str(&b));
	}
	if (out->len)
		node_input(run, S("#context#"), json_str(run->mem, *out));
	return 0;
}

static struct str replace(struct arena *mem, struct str text, struct str what, struct str by)
{
	struct buf b = buf_make(mem, 0);
	size_t at;
	if (str_find(text, what) == SIZE_MAX)
		return text;
	while ((at = str_find(text, what)) != SIZE_MAX) {
		buf_put(&b, str_sub(text, 0, at));
		buf_put(&b, by);
		text = str_skip(text, at + what.len);
	}
	buf_put(&b, text);
	return buf_str(&b);
}

/* --- messages --- */

void prompt_push(struct node_run *run, struct prompt *p, struct str role, const struct json *content)
{
	struct json *m = json_obj(run->mem);
	json_set_str(run->mem, m, S("role"), role);
	json_set(run->mem, m, S("content"), content);
	json_push(run->mem, p->messages, m);
}

static struct json *text_part(struct arena *mem, struct str text)
{
	struct json *part = json_obj(mem);
	json_set_str(mem, part, S("type"), S("text"));
	json_set_str(mem, part, S("text"), text);
	return part;
}

/* An image for a model that sees, else nothing: other kinds of parts no protocol here knows. */
static status file_part(struct node_run *run, const struct prompt *p, const struct json *file,
			struct str detail, struct json *parts)
{
	struct arena *mem = run->mem;
	struct str url;
	if (!p->features->vision || !str_eq(json_get_str(file, S("type")), S("image")))
		return 0;
	/* Values made by models or sent as inputs may look like a file of another workspace. */
	if (json_get_str(file, S("related_id")).len &&
	    !str_eq(json_get_str(file, S("tenant_id")), run->info->tenant_id))
		return node_fail(run, "FileFetchError", "the file is not of this workspace");
	if (file_for_model(run->flow, mem, file, &url))
		return node_fail(run, "FileFetchError", "%.*s", STR(err_text()));
	struct json *part = json_obj(mem), *image = json_obj(mem);
	json_set_str(mem, image, S("url"), url);
	json_set_str(mem, image, S("detail"), detail.len ? detail : S("high"));
	json_set_str(mem, part, S("type"), S("image_url"));
	json_set(mem, part, S("image_url"), image);
	json_push(mem, parts, part);
	return 0;
}

static struct str role_of(const struct json *item)
{
	struct str role = json_get_str(item, S("role"));
	bool known = str_eq(role, S("system")) || str_eq(role, S("user")) || str_eq(role, S("assistant"));
	return known ? role : S("user");
}

static void push_text(struct node_run *run, struct prompt *p, const struct json *item, struct str text)
{
	struct json *parts = json_arr(run->mem);
	json_push(run->mem, parts, text_part(run->mem, text));
	prompt_push(run, p, role_of(item), parts);
}

static status add_jinja_item(struct node_run *run, struct prompt *p, const struct json *item)
{
	struct str text;
	if (render_jinja(run, item, &text))
		return -1;
	if (text.len)
		push_text(run, p, item, text);
	return 0;
}

/* 3: one prompt item: its text, and the files that it names as a second message. */
static status add_item(struct node_run *run, struct prompt *p, const struct json *item, struct str context,
		       struct str detail)
{
	struct arena *mem = run->mem;
	struct str text = json_get_str(item, S("text"));
	struct json *files = json_arr(mem);
	struct template t;
	if (is_jinja(item))
		return add_jinja_item(run, p, item);
	if (context.len)
		text = replace(mem, text, S("{#context#}"), context);
	template_parse(mem, text, &t);
	struct buf b = buf_make(mem, 0);
	template_render(&b, &t, run->pool, VAR_TEXT);
	for (size_t i = 0; i < t.len; i++) {
		struct var v;
		if (!t.parts[i].count || !pool_get(run->pool, t.parts[i].parts, t.parts[i].count, &v))
			continue;
		if (v.type == VAR_FILE && file_part(run, p, &v.value, detail, files))
			return -1;
		if (v.type == VAR_ARRAY_FILE)
			json_each(&v.value, f)
				if (file_part(run, p, f, detail, files))
					return -1;
	}
	if (b.len)
		push_text(run, p, item, buf_str(&b));
	if (files->len)
		prompt_push(run, p, role_of(item), files);
	return 0;
}

/* --- 4: memory --- */

/* Close enough for a limit: about four letters a token, other scripts one character. */
static int64_t tokens_of(const struct json *content)
{
	struct str s = json_as_str(content, S(""));
	int64_t n = 0;
	size_t ascii = 0;
	json_each(content, part) n += tokens_of(json_get(part, S("text")));
	for (size_t i = 0; i < s.len;) {
		if (utf8_next(s, &i) < 0x80)
			ascii++;
		else
			n++;
	}
	return n + (int64_t)(ascii + 3) / 4;
}

static int64_t history_budget(struct node_run *run, const struct prompt *p)
{
	int64_t used = 0;
	if (!p->features->context_size)
		return TOKENS_WITHOUT_CONTEXT;
	json_each(p->messages, m) used += tokens_of(json_get(m, S("content"))) + 4;
	int64_t reply = json_get_int(json_path(run->data, "model.completion_params"), S("max_tokens"), 0);
	return MAX(p->features->context_size - reply - used, 0);
}

status prompt_history(struct node_run *run, const struct prompt *p, struct json **out)
{
	const struct json *memory = json_get(run->data, S("memory")), *window = json_get(memory, S("window"));
	const struct flow_hooks *h = &run->flow->options.hooks;
	int64_t max = HISTORY_MAX;
	*out = json_arr(run->mem);
	if (!json_is(memory, JSON_OBJ) || !h->history || !run->info->conversation_id.len)
		return 0;
	if (json_get_bool(window, S("enabled"), false))
		max = MIN(MAX(json_get_int(window, S("size"), HISTORY_MAX), 0), HISTORY_MAX);
	if (!max)
		return 0;
	if (h->history(h->ctx, run->mem, run->info, (size_t)max, out))
		return -1;
	struct json *list = *out;
	int64_t total = 0, budget = history_budget(run, p);
	size_t drop = 0;
	json_each(list, m) total += tokens_of(json_get(m, S("content"))) + 4;
	while (total > budget && drop + 1 < list->len)
		total -= tokens_of(json_get(&list->items[drop++], S("content"))) + 4;
	list->items += drop;
	list->len -= (uint32_t)drop;
	list->cap -= (uint32_t)drop;
	return 0;
}

/* 5: the query, only with memory. */
static struct str query_of(struct node_run *run)
{
	const struct json *memory = json_get(run->data, S("memory"));
	struct str own = json_get_str(memory, S("query_prompt_template"));
	struct var v;
	struct str parts[2] = { S("sys"), S("query") };
	if (!json_is(memory, JSON_OBJ))
		return S("");
	if (own.len)
		return template_text(run->mem, own, run->pool, VAR_TEXT);
	return pool_get(run->pool, parts, 2, &v) ? var_text(run->mem, &v, VAR_TEXT) : S("");
}

status prompt_vision(struct node_run *run, const struct prompt *p, struct json **parts, struct json **files)
{
	struct arena *mem = run->mem;
	const struct json *vision = json_get(run->data, S("vision"));
	struct str detail = json_get_str(json_get(vision, S("configs")), S("detail"));
	struct var v;
	struct str dflt[2] = { S("sys"), S("files") };
	const struct json *selector = json_path(vision, "configs.variable_selector");
	*parts = json_arr(mem);
	*files = json_arr(mem);
	if (!json_get_bool(vision, S("enabled"), false))
		return 0;
	if (json_len(selector) ? !pool_get_json(run->pool, selector, &v) : !pool_get(run->pool, dflt, 2, &v))
		return 0;
	if (v.type == VAR_FILE)
		json_push(mem, *files, &v.value);
	else if (v.type == VAR_ARRAY_FILE)
		json_each(&v.value, f) json_push(mem, *files, f);
	json_each(*files, f)
		if (file_part(run, p, f, detail, *parts))
			return -1;
	return 0;
}

/* 6: files of the vision setting, in front of the text of the last user message. */
static status add_vision(struct node_run *run, struct prompt *p)
{
	struct arena *mem = run->mem;
	struct json *parts, *shown;
	if (prompt_vision(run, p, &parts, &shown))
		return -1;
	if (shown->len)
		node_input(run, S("#files#"), shown);
	if (!parts->len)
		return 0;
	struct json *last = p->messages->len ? &p->messages->items[p->messages->len - 1] : NULL;
	struct json *content = last ? json_get(last, S("content")) : NULL;
	if (!last || !str_eq(json_get_str(last, S("role")), S("user")) || !json_is(content, JSON_ARR)) {
		prompt_push(run, p, S("user"), parts);
		return 0;
	}
	json_each(content, part) json_push(mem, parts, part);
	json_set(mem, last, S("content"), parts);
	return 0;
}

/* A message of one text part becomes plain text; empty messages go. */
static void simplify(struct node_run *run, struct prompt *p)
{
	struct arena *mem = run->mem;
	struct json *out = json_arr(mem);
	json_each(p->messages, m) {
		const struct json *content = json_get(m, S("content"));
		if (json_is(content, JSON_ARR) && content->len == 1 &&
		    str_eq(json_get_str(json_at(content, 0), S("type")), S("text")))
			json_set(mem, m, S("content"), json_get(json_at(content, 0), S("text")));
		if (json_len(json_get(m, S("content"))))
			json_push(mem, out, m);
	}
	p->messages = out;
}

/* --- what events show --- */

static struct str shortened(struct arena *mem, struct str url)
{
	if (url.len <= 20 || !str_starts(url, S("data:")))
		return url;
	return arena_printf(mem, "%.*s...[TRUNCATED]...%.*s", STR(str_sub(url, 0, 10)),
			    STR(str_skip(url, url.len - 10)));
}

void prompt_show(struct node_run *run, struct prompt *p)
{
	struct arena *mem = run->mem;
	p->shown = json_arr(mem);
	json_each(p->messages, m) {
		struct json *o = json_obj(mem), *files = json_arr(mem);
		const struct json *content = json_get(m, S("content"));
		struct buf text = buf_make(mem, 0);
		buf_put(&text, json_as_str(content, S("")));
		json_each(content, part) {
			const struct json *image = json_get(part, S("image_url"));
			buf_put(&text, json_get_str(part, S("text")));
			if (!image)
				continue;
			struct json *f = json_obj(mem);
			json_set_str(mem, f, S("type"), S("image"));
			json_set_str(mem, f, S("data"), shortened(mem, json_get_str(image, S("url"))));
			json_set(mem, f, S("detail"), json_get(image, S("detail")));
			json_push(mem, files, f);
		}
		json_set(mem, o, S("role"), json_get(m, S("role")));
		json_set_str(mem, o, S("text"), buf_str(&text));
		json_set(mem, o, S("files"), files);
		if (json_get(m, S("tool_calls")))
			json_set(mem, o, S("tool_calls"), json_get(m, S("tool_calls")));
		json_push(mem, p->shown, o);
	}
}

/* --- 7: completion models --- */

struct str prompt_history_text(struct node_run *run, const struct json *history)
{
	const struct json *prefix = json_path(run->data, "memory.role_prefix");
	struct str user = json_get_str(prefix, S("user")), bot = json_get_str(prefix, S("assistant"));
	struct buf b = buf_make(run->mem, 0);
	json_each(history, m) {
		bool is_user = str_eq(json_get_str(m, S("role")), S("user"));
		struct str name = is_user ? (user.len ? user : S("Human")) : (bot.len ? bot : S("Assistant"));
		if (b.len)
			buf_putc(&b, '\n');
		buf_put(&b, name);
		buf_puts(&b, ": ");
		buf_put(&b, json_get_str(m, S("content")));
	}
	return buf_str(&b);
}

static status build_completion(struct node_run *run, struct prompt *p, struct str context)
{
	struct arena *mem = run->mem;
	const struct json *t = json_get(run->data, S("prompt_template"));
	const struct json *item = json_is(t, JSON_ARR) ? json_at(t, 0) : t;
	struct str text = json_get_str(item, S("text"));
	struct json *history;
	if (is_jinja(item) && render_jinja(run, item, &text))
		return -1;
	if (context.len && !is_jinja(item))
		text = replace(mem, text, S("{#context#}"), context);
	bool names_query = str_has(text, S("#sys.query#")), names_history = str_has(text, S("#histories#"));
	if (!is_jinja(item))
		text = template_text(mem, text, run->pool, VAR_TEXT);
	if (prompt_history(run, p, &history))
		return -1;
	struct str past = prompt_history_text(run, history);
	if (names_history)
		text = replace(mem, replace(mem, text, S("{{#histories#}}"), past), S("#histories#"), past);
	else if (past.len)
		text = arena_printf(mem, "%.*s\n%.*s", STR(past), STR(text));
	struct str query = query_of(run);
	if (query.len && !names_query)
		text = arena_printf(mem, "%.*s\n%.*s", STR(text), STR(query));
	if (text.len)
		prompt_push(run, p, S("user"), json_str(mem, text));
	p->completion = true;
	return 0;
}

static status build_chat(struct node_run *run, struct prompt *p, struct str context, struct str detail)
{
	const struct json *t = json_get(run->data, S("prompt_template"));
	struct json *history;
	if (json_is(t, JSON_OBJ)) {
		if (add_item(run, p, t, context, detail))
			return -1;
	} else {
		json_each(t, item)
			if (add_item(run, p, item, context, detail))
				return -1;
	}
	if (prompt_history(run, p, &history))
		return -1;
	json_each(history, m) json_push(run->mem, p->messages, m);
	struct str query = query_of(run);
	if (query.len) {
		struct json *parts = json_arr(run->mem);
		json_push(run->mem, parts, text_part(run->mem, query));
		prompt_push(run, p, S("user"), parts);
	}
	return add_vision(run, p);
}

status node_prompt_build(struct node_run *run, struct prompt *p)
{
	struct str context, detail = json_get_str(json_path(run->data, "vision.configs"), S("detail"));
	bool completion = str_eq(json_get_str(json_get(run->data, S("model")), S("mode")), S("completion"));
	p->messages = json_arr(run->mem);
	run->result->inputs = json_obj(run->mem);
	if (check_variables(run) || read_context(run, &context))
		return -1;
	if (completion ? build_completion(run, p, context) : build_chat(run, p, context, detail))
		return -1;
	simplify(run, p);
	if (!p->messages->len)
		return node_fail(run, "NoPromptFoundError",
				 "No prompt found in the LLM configuration. Please ensure a prompt is "
				 "properly configured before proceeding.");
	prompt_show(run, p);
	return 0;
}

void prompt_add_schema(struct arena *mem, struct prompt *p, const struct json *schema)
{
	struct str rule = arena_printf(mem,
				       "Answer with one JSON object and nothing else. It must be valid under "
				       "this JSON schema:\n%.*s",
				       STR(json_text(mem, schema, JSON_SPACED)));
	struct json *out = json_arr(mem), *m = json_obj(mem);
	struct json *first = json_at(p->messages, 0);
	bool merge = str_eq(json_get_str(first, S("role")), S("system"));
	if (merge)
		rule = arena_printf(mem, "%.*s\n\n%.*s", STR(json_get_str(first, S("content"))), STR(rule));
	json_set_str(mem, m, S("role"), S("system"));
	json_set_str(mem, m, S("content"), rule);
	json_push(mem, out, m);
	for (size_t i = merge ? 1 : 0; i < p->messages->len; i++)
		json_push(mem, out, &p->messages->items[i]);
	p->messages = out;
}

/* --- reasoning --- */

struct split_texts {
	struct buf answer, thoughts;
};

static void collect(void *ctx, enum think_kind kind, struct str text)
{
	struct split_texts *t = ctx;
	buf_put(kind == THINK_ANSWER ? &t->answer : &t->thoughts, text);
}

struct str prompt_split_thoughts(struct arena *mem, struct str text, struct str *thoughts)
{
	struct split_texts t = { buf_make(mem, 0), buf_make(mem, 0) };
	struct think_split split = think_split_make(mem, collect, &t);
	think_split_feed(&split, text);
	think_split_end(&split);
	*thoughts = buf_str(&t.thoughts);
	return buf_str(&t.answer);
}
