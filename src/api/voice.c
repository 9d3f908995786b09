/* SPDX-License-Identifier: Apache-2.0 */
#include "api/voice.h"

#include "api/api.h"
#include "api/stream.h"
#include "app/app.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/config.h"
#include "base/enc.h"
#include "base/err.h"
#include "base/log.h"
#include "flow/node/think.h"
#include "model/model.h"
#include "model/speech.h"

struct voice {
	struct call *c;
	const struct stream_run *run;
	struct str name; /* of the voice, as the app says */
	struct arena *mem;
	struct think_split thoughts;
	struct buf text; /* still to be spoken */
	struct group *group;
	struct event more, spoken;
	int64_t pieces;
	bool ended, done;
};

static void hear(void *ctx, enum think_kind kind, struct str text)
{
	struct voice *v = ctx;
	if (kind == THINK_ANSWER)
		buf_put(&v->text, text);
}

static status collect(void *arg, struct str piece)
{
	struct buf *b = arg;
	buf_put(b, piece);
	return buf_done(b);
}

static status send(struct voice *v, struct arena *mem, struct str event, struct str audio)
{
	struct buf b = buf_make(mem, 0);
	stream_write_audio(&b, v->run, event, audio);
	return buf_done(&b) ? -1 : sse_data(v->c->http, (struct str){0}, buf_str(&b));
}

static status speak(struct voice *v, struct str text)
{
	AUTO(arena) mem = {arena_open(0)};
	struct buf sound = buf_make(mem.p, 0);
	struct model_speech q = {.tenant_id = v->c->app->tenant_id, .text = arena_str(mem.p, text),
				 .voice = v->name};
	buf_consume(&v->text, text.len);
	if (!str_trim(q.text).len)
		return 0;
	if (models_speak(v->c->s->models, mem.p, &q, collect, &sound))
		return -1;
	return send(v, mem.p, S("tts_message"), enc_base64(mem.p, buf_str(&sound)));
}

static status speak_all(struct voice *v)
{
	for (;;) {
		struct str text = buf_str(&v->text);
		size_t n = speech_cut(text, MODEL_SPEECH_TEXT_MAX, v->ended);
		if (n) {
			if (speak(v, str_sub(text, 0, n)))
				return -1;
			v->pieces++;
			event_wake_all(&v->spoken);
		} else if (v->ended) {
			return 0;
		} else if (event_wait(&v->more, DEADLINE_NONE)) {
			return -1;
		}
	}
}

static status voice_main(void *arg)
{
	struct voice *v = arg;
	if (speak_all(v) && err_code() != ERR_CANCELLED && err_code() != ERR_CLOSED)
		log_err(LOG_WARN, "speech of run %.*s", STR(v->run->run_id));
	v->done = true;
	event_wake_all(&v->spoken);
	return 0;
}

status voice_open(struct call *c, const struct stream_run *run, struct voice **out)
{
	AUTO(arena) mem = {arena_open(0)};
	struct voice *v = arena_new(mem.p, struct voice);
	*v = (struct voice){.c = c, .run = run, .name = json_get_str(run->speech, S("voice"))};
	v->text = buf_make(mem.p, 0);
	v->thoughts = think_split_make(mem.p, hear, v);
	v->group = group_open(DEADLINE_NONE);
	if (group_spawn(v->group, "voice", voice_main, v)) {
		group_close(v->group);
		return -1;
	}
	v->mem = take(mem.p);
	*out = v;
	return 0;
}

void voice_say(struct voice *v, struct str text)
{
	if (!v || v->done)
		return;
	think_split_feed(&v->thoughts, text);
	event_wake_all(&v->more);
}

status voice_finish(struct voice *v)
{
	if (!v)
		return 0;
	int64_t wait_ms = config_int(v->c->s->config, CONFIG_TATARA_TTS_WAIT_SECONDS) * 1000;
	think_split_end(&v->thoughts);
	v->ended = true;
	event_wake_all(&v->more);
	deadline until = deadline_in_ms(wait_ms);
	for (int64_t seen = v->pieces; !v->done;) {
		if (event_wait(&v->spoken, until)) {
			if (err_code() != ERR_TIMEOUT || rt_now() < until)
				return -1;
			break;
		}
		if (v->pieces != seen)
			until = deadline_in_ms(wait_ms);
		seen = v->pieces;
	}
	group_close(take(v->group));
	return send(v, v->mem, S("tts_message_end"), S(""));
}

void voice_close(struct voice *v)
{
	if (!v)
		return;
	group_close(v->group);
	arena_close(v->mem);
}
