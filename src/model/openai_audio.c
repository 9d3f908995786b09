/* SPDX-License-Identifier: Apache-2.0 */
/* openai_audio: speech and transcription in OpenAI's protocol: /audio/speech, /audio/transcriptions. */
#include "model/model_int.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"
#include "base/json.h"
#include "net/client.h"

static void form_field(struct buf *b, struct str boundary, const char *name, struct str value)
{
	if (value.len)
		buf_printf(b, "--%.*s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%.*s\r\n",
			   STR(boundary), name, STR(value));
}

/* A name that cannot end its quotes; servers know the format by its end. */
static struct str plain_name(struct arena *mem, struct str name)
{
	char *p = arena_text(mem, name.len);
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.at[i];
		p[i] = c < 0x20 || c == '"' || c == '\\' || c >= 0x7F ? '_' : (char)c;
	}
	return str_of(p, name.len);
}

status openai_transcribe(struct models *m, struct arena *mem, const struct target *t,
			 const struct model_sound *s, struct str *text, struct call_failure *f)
{
	struct str boundary = arena_printf(mem, "tatara-%.*s", STR(id_uuid(mem)));
	struct buf head = buf_make(mem, 0);
	struct json *answer;
	form_field(&head, boundary, "model", t->upstream);
	form_field(&head, boundary, "response_format", S("json"));
	form_field(&head, boundary, "language", json_get_str(t->settings, S("language")));
	form_field(&head, boundary, "prompt", json_get_str(t->settings, S("initial_prompt")));
	buf_printf(&head,
		   "--%.*s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%.*s\"\r\n"
		   "Content-Type: %.*s\r\n\r\n",
		   STR(boundary), STR(plain_name(mem, s->filename)), STR(plain_name(mem, s->type)));
	struct str parts[] = { buf_str(&head), s->bytes,
			       arena_printf(mem, "\r\n--%.*s--\r\n", STR(boundary)) };
	struct upstream u = { .models = m, .target = t, .path = S("/audio/transcriptions"),
			      .parts = parts, .part_count = countof(parts), .failure = f };
	u.type = arena_printf(mem, "multipart/form-data; boundary=%.*s", STR(boundary));
	if (upstream_json(mem, &u, &answer))
		return -1;
	if (!json_is(json_get(answer, S("text")), JSON_STR))
		return err_public(ERR_INVALID, "invalid_param", 400,
				  "Model %.*s: the server's answer has no text", STR(t->name));
	*text = json_get_str(answer, S("text"));
	return 0;
}

status openai_speak(struct models *m, struct arena *mem, const struct target *t, struct str text,
		    struct str voice, model_sink sink, void *arg, struct call_failure *f)
{
	AUTO(client_stream) s = { NULL };
	struct json *body = json_obj(mem);
	json_set_str(mem, body, S("model"), t->upstream);
	json_set_str(mem, body, S("input"), text);
	json_set_str(mem, body, S("voice"), voice.len ? voice : S("alloy"));
	json_set_str(mem, body, S("response_format"), S("mp3"));
	struct upstream u = { .models = m, .target = t, .path = S("/audio/speech"), .failure = f };
	u.body = json_text(mem, body, JSON_COMPACT);
	if (upstream_open(mem, &u, &s.p))
		return -1;
	struct str type = client_header(client_stream_head(s.p), S("content-type"));
	if (str_starts(type, S("application/json")) || str_starts(type, S("text/")))
		return err_public(ERR_INVALID, "invalid_param", 400,
				  "Model %.*s: the server's answer is no sound", STR(t->name));
	for (size_t all = 0;;) {
		struct str piece;
		if (client_stream_piece(s.p, &piece))
			return upstream_broken(t);
		if (!piece.len)
			return all ? 0 : err_public(ERR_INVALID, "invalid_param", 400,
						    "Model %.*s: the server sent no sound", STR(t->name));
		all += piece.len;
		if (all > MODEL_SPEECH_MAX)
			return err_set(ERR_TOO_LARGE, "the speech is larger than %d bytes", MODEL_SPEECH_MAX);
		if (sink(arg, piece))
			return -1;
	}
}
