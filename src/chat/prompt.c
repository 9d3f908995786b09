/* SPDX-License-Identifier: Apache-2.0 */
/* prompt: see prompt.h. A template is read once from left to right; values are never read again. */
#include "chat/prompt.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

enum { NAME_MAX_LEN = 30 };

static bool is_name_start(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '_';
}

static bool is_special(struct str name)
{
	return str_eq(name, S("#context#")) || str_eq(name, S("#query#")) ||
	       str_eq(name, S("#histories#"));
}

/* Whether a placeholder stands at i; *name without braces, *end behind it. */
static bool placeholder_at(struct str t, size_t i, struct str *name, size_t *end)
{
	if (i + 4 >= t.len || t.at[i] != '{' || t.at[i + 1] != '{')
		return false;
	struct str rest = str_skip(t, i + 2);
	size_t close = str_find(str_sub(rest, 0, NAME_MAX_LEN + 2), S("}}"));
	if (close == SIZE_MAX || close == 0)
		return false;
	struct str n = str_sub(rest, 0, close);
	if (!is_special(n)) {
		if (!is_name_start(n.at[0]) || n.len > NAME_MAX_LEN)
			return false;
		for (size_t k = 1; k < n.len; k++)
			if (!is_name_start(n.at[k]) && !(n.at[k] >= '0' && n.at[k] <= '9'))
				return false;
	}
	*name = n;
	*end = i + 2 + close + 2;
	return true;
}

struct str prompt_value(struct arena *mem, const struct json *v)
{
	if (json_is(v, JSON_STR))
		return json_as_str(v, S(""));
	struct buf b = buf_make(mem, 0);
	struct json none = {.type = JSON_NULL};
	json_write_python(&b, v ? v : &none);
	return buf_str(&b);
}

/* A value must not bring placeholders of its own: {{x}} in it becomes {x}. */
static void put_defused(struct buf *out, struct str value)
{
	size_t from = 0;
	for (size_t i = 0; i < value.len; i++) {
		struct str name;
		size_t end;
		if (!placeholder_at(value, i, &name, &end))
			continue;
		buf_put(out, str_sub(value, from, i - from));
		buf_printf(out, "{%.*s}", STR(name));
		from = end;
		i = end - 1;
	}
	buf_put(out, str_skip(value, from));
}

/* Removes control sequences of chat templates, <|...|> on one line. */
static struct str without_marks(struct arena *mem, struct str t)
{
	size_t at = str_find(t, S("<|"));
	if (at == SIZE_MAX)
		return t;
	struct buf b = buf_make(mem, 0);
	while (at != SIZE_MAX) {
		size_t close = str_find(str_skip(t, at + 2), S("|>"));
		size_t line = str_find_char(str_skip(t, at + 2), '\n');
		if (close == SIZE_MAX)
			break;
		if (line < close) {
			buf_put(&b, str_sub(t, 0, at + 2));
			t = str_skip(t, at + 2);
		} else {
			buf_put(&b, str_sub(t, 0, at));
			t = str_skip(t, at + 2 + close + 2);
		}
		at = str_find(t, S("<|"));
	}
	buf_put(&b, t);
	return buf_str(&b);
}

struct str prompt_fill(struct arena *mem, struct str text, const struct json *values,
		       const struct json *special)
{
	struct buf b = buf_make(mem, 0);
	size_t from = 0;
	for (size_t i = 0; i < text.len; i++) {
		struct str name;
		size_t end;
		if (!placeholder_at(text, i, &name, &end))
			continue;
		buf_put(&b, str_sub(text, from, i - from));
		const struct json *v = json_get(is_special(name) ? special : values, name);
		if (v)
			put_defused(&b, prompt_value(mem, v));
		else
			buf_printf(&b, "{%.*s}", STR(name));
		from = end;
		i = end - 1;
	}
	buf_put(&b, str_skip(text, from));
	return without_marks(mem, buf_str(&b));
}

static void push(struct arena *mem, struct json *messages, struct str role,
		 const struct json *content)
{
	struct json *m = json_obj(mem);
	json_set_str(mem, m, S("role"), role);
	json_set(mem, m, S("content"), content);
	json_push(mem, messages, m);
}

/* Images first, then the text; without images plainly the text. */
static void push_user(struct arena *mem, struct json *messages, const struct json *images,
		      struct str text)
{
	if (!json_len(images)) {
		push(mem, messages, S("user"), json_str(mem, text));
		return;
	}
	struct json *parts = json_arr(mem);
	json_each(images, part)
		json_push(mem, parts, part);
	if (text.len) {
		struct json *t = json_obj(mem);
		json_set_str(mem, t, S("type"), S("text"));
		json_set_str(mem, t, S("text"), text);
		json_push(mem, parts, t);
	}
	push(mem, messages, S("user"), parts);
}

/* The text of a message that may have parts. */
static struct str content_text(struct arena *mem, const struct json *content)
{
	if (json_is(content, JSON_STR))
		return json_as_str(content, S(""));
	struct buf b = buf_make(mem, 0);
	json_each(content, part)
		buf_put(&b, json_get_str(part, S("text")));
	return buf_str(&b);
}

static struct str history_text(struct arena *mem, const struct json *history, struct str user,
			       struct str assistant)
{
	struct buf b = buf_make(mem, 0);
	json_each(history, m) {
		bool is_user = str_eq(json_get_str(m, S("role")), S("user"));
		struct str text = content_text(mem, json_get(m, S("content")));
		buf_printf(&b, "%s%.*s: %.*s", b.len ? "\n" : "", STR(is_user ? user : assistant),
			   STR(text));
	}
	return buf_str(&b);
}

/* What retrieval found, and the app's own prompt, each when there is one. */
static struct str simple_head(struct arena *mem, const struct prompt_in *in)
{
	struct buf b = buf_make(mem, 0);
	if (in->context.at)
		buf_printf(&b,
			   "Base the answer on what stands inside the <context></context> tags.\n\n"
			   "<context>\n%.*s\n</context>\n\n",
			   STR(in->context));
	struct str pre = json_get_str(in->config, S("pre_prompt"));
	if (pre.len) {
		struct json *special = json_obj(mem);
		if (in->context.at)
			json_set_str(mem, special, S("#context#"), in->context);
		json_set_str(mem, special, S("#query#"), in->query);
		buf_put(&b, prompt_fill(mem, pre, in->inputs, special));
		buf_putc(&b, '\n');
	}
	return buf_str(&b);
}

static void simple_chat(struct arena *mem, const struct prompt_in *in, struct prompt_out *out)
{
	struct str head = simple_head(mem, in);
	if (head.len && in->query.len)
		push(mem, out->messages, S("system"), json_str(mem, head));
	json_each(in->history, m)
		json_push(mem, out->messages, m);
	push_user(mem, out->messages, in->images, in->query.len ? in->query : head);
}

static void simple_completion(struct arena *mem, const struct prompt_in *in, struct prompt_out *out)
{
	struct buf b = buf_make(mem, 0);
	buf_put(&b, simple_head(mem, in));
	if (!in->chat_app) {
		buf_put(&b, in->query);
		push(mem, out->messages, S("user"), json_str(mem, buf_str(&b)));
		return;
	}
	if (json_len(in->history))
		buf_printf(&b,
			   "\nThe conversation so far stands inside the <histories></histories> "
			   "tags.\n\n"
			   "<histories>\n%.*s\n</histories>\n\n",
			   STR(history_text(mem, in->history, S("Human"), S("Assistant"))));
	buf_printf(&b, "\nHuman: %.*s\n\nAssistant: ", STR(in->query));
	push(mem, out->messages, S("user"), json_str(mem, buf_str(&b)));
	out->stop = json_arr(mem);
	json_push_str(mem, out->stop, S("\nHuman:"));
	json_push_str(mem, out->stop, S("</histories>"));
}

static struct json *special_values(struct arena *mem, const struct prompt_in *in)
{
	struct json *special = json_obj(mem);
	json_set_str(mem, special, S("#context#"), in->context.at ? in->context : S(""));
	json_set_str(mem, special, S("#query#"), in->query);
	return special;
}

static void advanced_chat(struct arena *mem, const struct prompt_in *in, struct prompt_out *out)
{
	const struct json *items = json_path(in->config, "chat_prompt_config.prompt");
	struct json *special = special_values(mem, in);
	json_each(items, item) {
		struct str role = json_get_str(item, S("role"));
		struct str text =
			prompt_fill(mem, json_get_str(item, S("text")), in->inputs, special);
		if (str_eq(role, S("user")) || str_eq(role, S("assistant")))
			push(mem, out->messages, role, json_str(mem, text));
		else if (text.len)
			push(mem, out->messages, S("system"), json_str(mem, text));
	}
	json_each(in->history, m)
		json_push(mem, out->messages, m);
	if (in->query.len || json_len(in->images))
		push_user(mem, out->messages, in->images, in->query);
}

static void advanced_completion(struct arena *mem, const struct prompt_in *in,
				struct prompt_out *out)
{
	const struct json *config = json_get(in->config, S("completion_prompt_config"));
	const struct json *roles = json_get(config, S("conversation_histories_role"));
	struct str user = json_get_str(roles, S("user_prefix"));
	struct str assistant = json_get_str(roles, S("assistant_prefix"));
	struct json *special = special_values(mem, in);
	json_set_str(mem, special, S("#histories#"),
		     history_text(mem, in->history, user.len ? user : S("Human"),
				  assistant.len ? assistant : S("Assistant")));
	struct str text = json_get_str(json_get(config, S("prompt")), S("text"));
	push(mem, out->messages, S("user"),
	     json_str(mem, prompt_fill(mem, text, in->inputs, special)));
}

status prompt_build(struct arena *mem, const struct prompt_in *in, struct prompt_out *out)
{
	bool completion =
		str_eq(json_get_str(json_get(in->config, S("model")), S("mode")), S("completion"));
	bool advanced = str_eq(json_get_str(in->config, S("prompt_type")), S("advanced"));
	struct prompt_out o = {.messages = json_arr(mem), .completion = completion};
	if (advanced)
		(completion ? advanced_completion : advanced_chat)(mem, in, &o);
	else
		(completion ? simple_completion : simple_chat)(mem, in, &o);
	if (!json_len(o.messages))
		return err_set(ERR_INVALID, "No prompt found in the app's configuration.");
	*out = o;
	return 0;
}
