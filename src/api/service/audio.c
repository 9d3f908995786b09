/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audio: recordings to text and texts to sound, for the Service API, the web app and the console. The
 * models are the workspace's own choice; an app says whether it wants them.
 */
#include "api/service/service.h"
#include "app/app.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/config.h"
#include "base/err.h"
#include "base/id.h"
#include "model/model.h"

enum { PIECE = 16 << 10, MIB = 1 << 20, USER_MAX = 4096 };

static bool switched_on(const struct json *features, struct str name)
{
	return json_get_bool(json_get(features, name), S("enabled"), false);
}

/* --- to text --- */

/* mp3, m4a, wav, amr and mpga by the names that browsers and tools give them, and what browsers
 * record. */
static const struct str sound_types[] = {
	S_INIT("audio/mp3"),   S_INIT("audio/mpeg"),  S_INIT("audio/mpga"), S_INIT("audio/m4a"),
	S_INIT("audio/x-m4a"), S_INIT("audio/mp4"),   S_INIT("audio/wav"),  S_INIT("audio/x-wav"),
	S_INIT("audio/wave"),  S_INIT("audio/amr"),   S_INIT("audio/webm"), S_INIT("audio/ogg"),
};

struct recording {
	struct model_sound sound;
	struct str user;
	bool there, too_large;
};

static bool is_sound(struct str type)
{
	for (size_t i = 0; i < countof(sound_types); i++)
		if (str_eq_nocase(type, sound_types[i]))
			return true;
	return false;
}

/* What is too much is read all the same, so that the client sees the answer. */
static status take_sound(struct call *c, struct multipart *form, const struct part *p, size_t limit,
			 struct recording *r)
{
	struct buf b = buf_make(c->mem, limit + 1);
	struct str type = p->type;
	r->there = true;
	r->sound.filename = arena_str(c->mem, p->filename.len ? p->filename : S("audio.mp3"));
	r->sound.type = arena_str(c->mem, str_trim(str_cut(&type, ';')));
	if (!is_sound(r->sound.type))
		return 0;
	char *piece = arena_text(c->mem, PIECE);
	for (size_t n;;) {
		if (multipart_read(form, piece, PIECE, &n))
			return -1;
		if (!n)
			break;
		if (!r->too_large)
			buf_put(&b, str_of(piece, n));
		r->too_large = b.overflow || b.len > limit;
	}
	r->sound.bytes = buf_str(&b);
	return 0;
}

static status read_recording(struct call *c, size_t limit, struct recording *r)
{
	struct multipart *form;
	struct str type = http_header(c->http, S("Content-Type"));
	if (!str_eq_nocase(str_sub(type, 0, 19), S("multipart/form-data")))
		return 0;
	if (multipart_open(c->http, &form))
		return -1;
	for (struct part *p;;) {
		if (multipart_next(form, &p))
			return -1;
		if (!p)
			return 0;
		if (p->filename.at && str_eq(p->name, S("file")) && !r->there) {
			if (take_sound(c, form, p, limit, r))
				return -1;
		} else if (!p->filename.at && str_eq(p->name, S("user")) &&
			   multipart_text(form, USER_MAX, &r->user)) {
			return -1;
		}
	}
}

static status check_recording(const struct recording *r, int64_t limit_mb)
{
	if (!r->there)
		return err_public(ERR_INVALID, "no_audio_uploaded", 400, "Please upload your audio.");
	if (!is_sound(r->sound.type))
		return err_public(ERR_UNSUPPORTED, "unsupported_audio_type", 415,
				  "Audio type not allowed.");
	if (r->too_large)
		return err_public(ERR_TOO_LARGE, "audio_too_large", 413, "Audio size larger than %lld mb",
				  (long long)limit_mb);
	return 0;
}

status audio_transcribe(struct call *c, const struct json *features)
{
	struct recording r = {0};
	struct str text;
	int64_t limit_mb = config_int(c->s->config, CONFIG_TATARA_SPEECH_TO_TEXT_SIZE_LIMIT);
	size_t limit = (size_t)MAX(limit_mb, 0) * MIB;
	c->http->body_limit = 2 * limit + MIB;
	if (read_recording(c, limit, &r)) {
		/* Far too large: nobody reads that to its end. */
		if (err_code() != ERR_TOO_LARGE)
			return -1;
		r.there = r.too_large = true;
		r.sound.type = sound_types[0];
	}
	if (!c->account && !c->end_user && call_end_user(c, r.user, false))
		return -1;
	if (!switched_on(features, S("speech_to_text")))
		return err_set(ERR_INVALID, "Speech to text is not enabled");
	if (check_recording(&r, limit_mb))
		return -1;
	r.sound.tenant_id = c->app->tenant_id;
	if (models_transcribe(c->s->models, c->mem, &r.sound, &text))
		return -1;
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("text"), text);
	return reply_json(c, 200, o);
}

/* --- to sound --- */

static status send_sound(void *arg, struct str piece)
{
	struct call *c = arg;
	if (!http_started(c->http) && http_begin(c->http, 200, S("audio/mpeg")))
		return -1;
	return http_write(c->http, piece);
}

/* The answer of a message; at == NULL: there is nothing to speak. */
static status answer_of(struct call *c, struct str id, struct str *out)
{
	struct message *m;
	*out = (struct str){0};
	if (!id_is_uuid(id))
		return 0;
	struct chat_scope scope = from_site(c) ? call_scope(c) : (struct chat_scope){0};
	status st = from_site(c) ? message_get(c->s->chats, c->mem, &scope, id, &m)
				 : message_of_app(c->s->chats, c->mem, c->app->tenant_id, c->app->id, id, &m);
	if (st)
		return err_code() == ERR_NOT_FOUND ? 0 : -1;
	if (str_trim(m->answer).len)
		*out = m->answer;
	return 0;
}

status audio_speak(struct call *c, const struct json *features)
{
	struct str id, text, voice;
	if (body_text(c, S("message_id"), &id) || body_text(c, S("text"), &text) ||
	    body_text(c, S("voice"), &voice))
		return -1;
	if (id.len && answer_of(c, id, &text))
		return -1;
	if (id.len && !text.at)
		return reply_json(c, 200, json_null(c->mem));
	if (!switched_on(features, S("text_to_speech")))
		return err_set(ERR_INVALID, "TTS is not enabled");
	if (!text.at)
		return err_set(ERR_INVALID, "Text is required");
	if (!voice.len)
		voice = json_get_str(json_get(features, S("text_to_speech")), S("voice"));
	struct model_speech q = {.tenant_id = c->app->tenant_id, .text = text, .voice = voice};
	if (models_speak(c->s->models, c->mem, &q, send_sound, c))
		return -1;
	return http_end(c->http);
}

status service_audio_to_text(struct call *c)
{
	const struct json *features;
	return app_features(c, &features) ? -1 : audio_transcribe(c, features);
}

status service_text_to_audio(struct call *c)
{
	const struct json *features;
	return need_body_user(c, false) || app_features(c, &features) ? -1 : audio_speak(c, features);
}
