/* SPDX-License-Identifier: Apache-2.0 */
/*
 * moderate: forbidden words of an app (workflow.md 8.4), type `keywords`: any line of the list,
 * found anywhere, without regard to case.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "chat/chat_int.h"
#include "chat/prompt.h"

enum { LINES_MAX = 100, CHARS_MAX = 10000 };

/* ASCII only: what the reference folds beyond it differs by library. */
static struct str lower(struct arena *mem, struct str t)
{
	char *p = arena_text(mem, t.len);
	for (size_t i = 0; i < t.len; i++)
		p[i] = t.at[i] >= 'A' && t.at[i] <= 'Z' ? (char)(t.at[i] + 32) : t.at[i];
	return str_of(p, t.len);
}

static struct str preset_of(struct arena *mem, const struct json *config, struct str side)
{
	const struct json *s = json_get(config, side);
	if (!json_get_bool(s, S("enabled"), false))
		return (struct str){0};
	struct str text = json_get_str(s, S("preset_response"));
	return text.at ? arena_str(mem, text) : S("");
}

struct chat_moderation *moderation_load(struct arena *mem, const struct json *config)
{
	const struct json *m = json_get(config, S("sensitive_word_avoidance"));
	if (!json_get_bool(m, S("enabled"), false) ||
	    !str_eq(json_get_str(m, S("type")), S("keywords")))
		return NULL;
	const struct json *c = json_get(m, S("config"));
	struct chat_moderation *out = arena_new(mem, struct chat_moderation);
	out->words = json_arr(mem);
	struct str rest = str_sub(json_get_str(c, S("keywords")), 0, CHARS_MAX);
	while (rest.at && json_len(out->words) < LINES_MAX) {
		struct str word = str_trim(str_cut(&rest, '\n'));
		if (word.len)
			json_push_str(mem, out->words, lower(mem, word));
	}
	out->input_preset = preset_of(mem, c, S("inputs_config"));
	out->output_preset = preset_of(mem, c, S("outputs_config"));
	return out;
}

struct json *moderation_json(struct arena *mem, const struct chat_moderation *m)
{
	struct json *out = json_obj(mem);
	json_set(mem, out, S("words"), m->words);
	json_set_str_or_null(mem, out, S("preset"), m->output_preset);
	return out;
}

struct chat_moderation *moderation_from_json(struct arena *mem, const struct json *v)
{
	if (!json_is(v, JSON_OBJ))
		return NULL;
	struct chat_moderation *m = arena_new(mem, struct chat_moderation);
	m->words = json_get(v, S("words"));
	if (json_is(json_get(v, S("preset")), JSON_STR))
		m->output_preset = json_get_str(v, S("preset"));
	return m;
}

static bool has_word(struct arena *mem, const struct json *words, struct str text)
{
	struct str t = lower(mem, text);
	json_each(words, w)
		if (str_has(t, json_as_str(w, S(""))))
			return true;
	return false;
}

struct str moderation_input(struct arena *mem, const struct chat_moderation *m,
			    const struct json *inputs, struct str query)
{
	if (!m || !m->input_preset.at)
		return (struct str){0};
	if (has_word(mem, m->words, query))
		return m->input_preset;
	json_each_member(inputs, i)
		if (has_word(mem, m->words, prompt_value(mem, &i->value)))
			return m->input_preset;
	return (struct str){0};
}

struct str chat_moderate_output(struct arena *mem, const struct chat_moderation *m,
				struct str answer)
{
	if (!m || !m->output_preset.at || !has_word(mem, m->words, answer))
		return (struct str){0};
	return m->output_preset;
}
