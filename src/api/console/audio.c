/* SPDX-License-Identifier: Apache-2.0 */
/* audio: the console's own speech and recordings, with the features of the draft. */
#include "api/console/console.h"

#include "api/service/service.h"
#include "model/model.h"

static status draft_features(struct call *c, const struct json **out)
{
	struct workflow *w;
	*out = c->app->model_config;
	if (!app_mode_is_graph(c->app->mode))
		return 0;
	*out = NULL;
	if (workflow_draft(c->s->apps, c->mem, c->account->tenant_id, c->app->id, &w))
		return err_code() == ERR_NOT_FOUND ? 0 : -1;
	*out = w->features;
	return 0;
}

status console_audio_to_text(struct call *c)
{
	const struct json *features;
	return need_app(c) || draft_features(c, &features) ? -1 : audio_transcribe(c, features);
}

status console_text_to_audio(struct call *c)
{
	const struct json *features;
	return need_app(c) || call_body(c) || draft_features(c, &features) ? -1 : audio_speak(c, features);
}

/* Models here speak any language with any voice, so `language` chooses nothing. */
status console_voices(struct call *c)
{
	struct str *voices;
	size_t n;
	struct json *rows = json_arr(c->mem);
	if (need_app(c))
		return -1;
	if (!http_query(c->http, S("language")).len)
		return err_set(ERR_INVALID, "language: Field required");
	if (models_voices(c->s->models, c->mem, c->account->tenant_id, S(""), S(""), &voices, &n))
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct json *v = json_obj(c->mem);
		json_set_str(c->mem, v, S("name"), voices[i]);
		json_set_str(c->mem, v, S("value"), voices[i]);
		json_push(c->mem, rows, v);
	}
	return reply_json(c, 200, rows);
}
