/* SPDX-License-Identifier: Apache-2.0 */
/* audio: calls of speech and transcription models, voices, and what a check of one sends. */
#include "model/model_int.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/vec.h"
#include "model/speech.h"

enum { WAV_HEAD = 44, WAV_RATE = 8000 };

static void put_le(unsigned char *at, uint32_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		at[i] = (unsigned char)(v >> (8 * i));
}

struct str silent_wav(struct arena *mem)
{
	size_t samples = WAV_RATE * 2;
	char *p = arena_text(mem, WAV_HEAD + samples);
	unsigned char *h = (unsigned char *)p;
	memset(p, 0, WAV_HEAD + samples);
	memcpy(p, "RIFF....WAVEfmt ", 16);
	put_le(h + 4, (uint32_t)(WAV_HEAD - 8 + samples), 4);
	put_le(h + 16, 16, 4); /* of the format; PCM, one channel, 16 bits */
	put_le(h + 20, 1, 2);
	put_le(h + 22, 1, 2);
	put_le(h + 24, WAV_RATE, 4);
	put_le(h + 28, WAV_RATE * 2, 4);
	put_le(h + 32, 2, 2);
	put_le(h + 34, 16, 2);
	memcpy(p + 36, "data", 4);
	put_le(h + 40, (uint32_t)samples, 4);
	return str_of(p, WAV_HEAD + samples);
}

void target_voices(struct arena *mem, const struct target *t, struct str **out, size_t *n)
{
	VEC(struct str) list = { 0 };
	struct str names = json_get_str(t->settings, S("voices"));
	if (!str_trim(names).len && t->provider->dialect.voices)
		names = str_c(t->provider->dialect.voices);
	while (names.at && names.len) {
		struct str one = str_trim(str_cut(&names, ','));
		if (one.len)
			vec_push(mem, &list, arena_str(mem, one));
	}
	*out = list.at;
	*n = list.len;
}

status models_voices(struct models *m, struct arena *mem, struct str tenant_id, struct str provider,
		     struct str name, struct str **out, size_t *n)
{
	struct target t;
	if (target_find(m, mem, tenant_id, provider, name, MODEL_TTS, &t))
		return -1;
	target_voices(mem, &t, out, n);
	return 0;
}

static struct str voice_of(struct arena *mem, const struct target *t, struct str asked)
{
	struct str *voices;
	size_t n;
	target_voices(mem, t, &voices, &n);
	for (size_t i = 0; i < n; i++)
		if (str_eq(voices[i], asked))
			return asked;
	return n ? voices[0] : asked;
}

/* As many whole sentences as one request takes. */
static size_t request_len(struct str text)
{
	size_t n = 0;
	if (text.len <= MODEL_SPEECH_TEXT_MAX)
		return text.len;
	while (true) {
		size_t more = speech_cut(str_skip(text, n), MODEL_SPEECH_TEXT_MAX, true);
		if (n && n + more > MODEL_SPEECH_TEXT_MAX)
			return n;
		n += more;
	}
}

status models_speak(struct models *m, struct arena *mem, const struct model_speech *q, model_sink sink,
		    void *arg)
{
	struct target t;
	struct call_failure f = { 0 };
	struct str text = str_trim(q->text);
	if (!text.len)
		return err_set(ERR_INVALID, "Text is required");
	if (target_find(m, mem, q->tenant_id, q->provider, q->name, MODEL_TTS, &t))
		return -1;
	struct str voice = voice_of(mem, &t, q->voice);
	while (text.len) {
		size_t n = request_len(text);
		struct str part = str_trim(str_sub(text, 0, n));
		if (part.len && t.provider->protocol->speak(m, mem, &t, part, voice, sink, arg, &f))
			return -1;
		text = str_skip(text, n);
	}
	return 0;
}

status models_transcribe(struct models *m, struct arena *mem, const struct model_sound *q, struct str *text)
{
	struct target t;
	struct call_failure f = { 0 };
	if (target_find(m, mem, q->tenant_id, q->provider, q->name, MODEL_SPEECH2TEXT, &t))
		return -1;
	return t.provider->protocol->transcribe(m, mem, &t, q, text, &f);
}
