/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openai_read: the streamed answers of OpenAI's protocol, event by event: text, reasoning (shown
 * inside <think> tags, as app files expect), tool calls in pieces, usage. No I/O here.
 */
#include "model/model_int.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"
#include "base/json.h"

static struct buf *new_buf(struct arena *mem)
{
	struct buf *b = arena_new(mem, struct buf);
	*b = buf_make(mem, MODEL_ANSWER_MAX);
	return b;
}

void openai_reader_init(struct openai_reader *r, struct arena *mem, model_sink sink, void *arg)
{
	*r = (struct openai_reader){ .mem = mem, .sink = sink, .sink_arg = arg };
	r->text = new_buf(mem);
	r->reasoning = new_buf(mem);
}

static status emit(struct openai_reader *r, struct str piece)
{
	if (!piece.len)
		return 0;
	buf_put(r->text, piece);
	if (buf_done(r->text))
		return err_wrap("answer of the model");
	r->any = true;
	return r->sink ? r->sink(r->sink_arg, piece) : 0;
}

static status emit_reasoning(struct openai_reader *r, struct str piece)
{
	if (!piece.len)
		return 0;
	buf_put(r->reasoning, piece);
	if (!r->thinking) {
		r->thinking = true;
		if (emit(r, S("<think>\n")))
			return -1;
	}
	return emit(r, piece);
}

static status end_thinking(struct openai_reader *r)
{
	if (!r->thinking)
		return 0;
	r->thinking = false;
	return emit(r, S("\n</think>"));
}

static status emit_text(struct openai_reader *r, struct str piece)
{
	return piece.len && end_thinking(r) ? -1 : emit(r, piece);
}

/* A text, or a list of parts with a text each (Mistral). */
static status emit_content(struct openai_reader *r, const struct json *content)
{
	if (json_is(content, JSON_STR))
		return emit_text(r, json_as_str(content, S("")));
	json_each(content, part)
		if (emit_text(r, json_get_str(part, S("text"))))
			return -1;
	return 0;
}

/* Finds the call that a piece belongs to: by index, else by a new id, else the last one. */
static size_t call_slot(struct openai_reader *r, const struct json *piece)
{
	int64_t index = json_get_int(piece, S("index"), -1);
	struct str id = json_get_str(piece, S("id"));
	for (size_t i = 0; i < r->call_count; i++) {
		bool same_id = id.len && str_eq(r->calls[i].id, id);
		/* some servers send every whole call with index 0 and another id */
		bool same_index = index >= 0 && r->calls[i].index == index &&
				  (!id.len || !r->calls[i].id.len);
		if (same_id || same_index)
			return i;
	}
	if (r->call_count && index < 0 && !id.len)
		return r->call_count - 1;
	if (r->call_count == MODEL_TOOL_CALLS_MAX)
		return SIZE_MAX;
	if (!r->calls) /* most answers call nothing */
		r->calls = arena_alloc(r->mem, sizeof(*r->calls) * MODEL_TOOL_CALLS_MAX);
	r->calls[r->call_count].index = index;
	r->calls[r->call_count].arguments = new_buf(r->mem);
	return r->call_count++;
}

static status add_calls(struct openai_reader *r, const struct json *pieces)
{
	json_each(pieces, piece)
	{
		size_t i = call_slot(r, piece);
		if (i == SIZE_MAX)
			return err_set(ERR_TOO_LARGE, "the model asked for more than %d tool calls",
				       MODEL_TOOL_CALLS_MAX);
		const struct json *f = json_get(piece, S("function"));
		struct str id = json_get_str(piece, S("id")), name = json_get_str(f, S("name"));
		if (id.len && !r->calls[i].id.len)
			r->calls[i].id = arena_str(r->mem, id);
		if (name.len && !r->calls[i].name.len)
			r->calls[i].name = arena_str(r->mem, name);
		const struct json *args = json_get(f, S("arguments"));
		if (json_is(args, JSON_OBJ)) /* Ollama's older form: not a text */
			json_write(r->calls[i].arguments, args, JSON_COMPACT);
		else
			buf_put(r->calls[i].arguments, json_as_str(args, S("")));
		if (buf_done(r->calls[i].arguments))
			return err_wrap("arguments of a tool call");
	}
	return 0;
}

static void read_usage(struct openai_reader *r, const struct json *u)
{
	if (!json_is(u, JSON_OBJ))
		return;
	int64_t prompt = json_get_int(u, S("prompt_tokens"), -1);
	int64_t completion = json_get_int(u, S("completion_tokens"), -1);
	if (prompt < 0 && completion < 0)
		return;
	/* the last report wins: some servers send a growing one with each event */
	r->prompt_tokens = MAX(prompt, 0);
	r->completion_tokens = MAX(completion, 0);
	r->total_tokens = json_get_int(u, S("total_tokens"), r->prompt_tokens + r->completion_tokens);
	r->has_usage = true;
}

static status read_choice(struct openai_reader *r, const struct json *c)
{
	/* "delta" in streams, "message" in whole answers, "text" in completions */
	const struct json *d = json_get(c, S("delta"));
	if (!json_is(d, JSON_OBJ))
		d = json_get(c, S("message"));
	struct str thought = json_get_str(d, S("reasoning_content"));
	if (!thought.len)
		thought = json_get_str(d, S("reasoning"));
	if (emit_reasoning(r, thought) || emit_content(r, json_get(d, S("content"))) ||
	    emit_text(r, json_get_str(d, S("refusal"))) || emit_text(r, json_get_str(c, S("text"))))
		return -1;
	const struct json *calls = json_get(d, S("tool_calls"));
	if (json_len(calls) && (end_thinking(r) || add_calls(r, calls)))
		return -1;
	struct str finish = json_get_str(c, S("finish_reason"));
	if (finish.len) {
		r->finish_reason = arena_str(r->mem, finish);
		r->done = true;
	}
	return 0;
}

status openai_reader_event(struct openai_reader *r, struct arena *scratch, struct str data,
			   struct str *error)
{
	struct json *v;
	*error = (struct str){ 0 };
	data = str_trim(data);
	if (!data.len)
		return 0;
	if (str_eq(data, S("[DONE]"))) {
		r->done = true;
		return 0;
	}
	if (json_parse(scratch, data, &v))
		return err_wrap("an event of the model's stream");
	const struct json *e = json_get(v, S("error"));
	if (e && e->type != JSON_NULL) {
		*error = data;
		return 0;
	}
	read_usage(r, json_get(v, S("usage")));
	const struct json *first = json_at(json_get(v, S("choices")), 0);
	return first ? read_choice(r, first) : 0;
}

status openai_reader_end(struct openai_reader *r)
{
	if (end_thinking(r))
		return -1;
	if (!r->call_count)
		return 0;
	r->tool_calls = json_arr(r->mem);
	for (size_t i = 0; i < r->call_count; i++) {
		struct json *call = json_obj(r->mem), *f = json_obj(r->mem);
		struct str id = r->calls[i].id;
		if (!id.len)
			id = arena_printf(r->mem, "call_%.*s", STR(id_uuid(r->mem)));
		json_set_str(r->mem, call, S("id"), id);
		json_set_str(r->mem, call, S("type"), S("function"));
		json_set_str(r->mem, f, S("name"), r->calls[i].name);
		struct str args = buf_str(r->calls[i].arguments);
		json_set_str(r->mem, f, S("arguments"), args.len ? args : S("{}"));
		json_set(r->mem, call, S("function"), f);
		json_push(r->mem, r->tool_calls, call);
	}
	return 0;
}
