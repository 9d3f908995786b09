/* SPDX-License-Identifier: Apache-2.0 */
/*
 * models: providers and credentials of models, in the form that scripts and consoles know: a
 * provider has the id langgenius/<name>/<name>, a model's credentials are a flat object of texts. The
 * same records are shown in our own form in server.c.
 */
#include "api/console/models.h"

struct str provider_full(struct arena *mem, struct str id)
{
	return arena_printf(mem, "langgenius/%.*s/%.*s", STR(id), STR(id));
}

const struct provider_info *provider_row(struct str name)
{
	struct str id = provider_resolve(name);
	for (size_t i = 0; id.at && i < provider_infos_len; i++)
		if (str_eq(str_c(provider_infos[i]->id), id))
			return provider_infos[i];
	return NULL;
}

struct str provider_param(struct call *c)
{
	return c->param[2].len ? c->param[2] : c->param[0];
}

static struct json *label_json(struct arena *mem, const struct provider_info *p)
{
	struct json *o = json_obj(mem);
	json_set_str(mem, o, S("zh_Hans"), str_c(p->label_zh));
	json_set_str(mem, o, S("en_US"), str_c(p->label_en));
	json_set_str(mem, o, S("ja_JP"), str_c(p->label_ja));
	return o;
}

static struct json *two_labels(struct arena *mem, const char *zh, const char *en)
{
	struct json *o = json_obj(mem);
	json_set_str(mem, o, S("zh_Hans"), str_c(zh));
	json_set_str(mem, o, S("en_US"), str_c(en));
	return o;
}

static const enum model_type type_order[] = { MODEL_LLM, MODEL_RERANK, MODEL_EMBEDDING, MODEL_SPEECH2TEXT,
					      MODEL_TTS };
/* Lists of models are sorted by the name of the type. */
static const enum model_type list_order[] = { MODEL_LLM, MODEL_RERANK, MODEL_SPEECH2TEXT, MODEL_EMBEDDING,
					      MODEL_TTS };

static struct json *types_json(struct arena *mem, const struct provider_info *p)
{
	struct json *a = json_arr(mem);
	for (size_t i = 0; i < countof(type_order); i++)
		if (p->types & (1u << type_order[i]))
			json_push_str(mem, a, model_type_name(type_order[i]));
	return a;
}

static int64_t number_setting(const struct json *settings, struct str name)
{
	const struct json *v = json_get(settings, name);
	int64_t n = 0;
	if (json_is(v, JSON_STR) && str_to_i64(json_as_str(v, S("")), &n))
		return 0;
	return json_is(v, JSON_STR) ? n : json_as_int(v, 0);
}

static status features_json(struct call *c, const struct model_record *r, struct json **out)
{
	struct model_features f;
	*out = json_null(c->mem);
	if (r->type != MODEL_LLM)
		return 0;
	if (models_features(c->s->models, c->mem, c->account->tenant_id, r->provider, r->name, &f))
		return -1;
	*out = json_arr(c->mem);
	if (f.tools) {
		json_push_str(c->mem, *out, S("multi-tool-call"));
		json_push_str(c->mem, *out, S("stream-tool-call"));
	}
	if (f.vision)
		json_push_str(c->mem, *out, S("vision"));
	if (f.schema)
		json_push_str(c->mem, *out, S("structured-output"));
	return 0;
}

/* What a player needs to know of a speech model. */
static status speech_properties(struct call *c, const struct model_record *r, struct json *out)
{
	struct str *voices;
	size_t n;
	struct json *list = json_arr(c->mem);
	if (models_voices(c->s->models, c->mem, c->account->tenant_id, r->provider, r->name, &voices, &n))
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct json *v = json_obj(c->mem);
		json_set_str(c->mem, v, S("language"), S("en-US"));
		json_set_str(c->mem, v, S("mode"), voices[i]);
		json_set_str(c->mem, v, S("name"), voices[i]);
		json_push(c->mem, list, v);
	}
	json_set_str(c->mem, out, S("audio_type"), S("mp3"));
	json_set_str(c->mem, out, S("default_voice"), n ? voices[0] : S("alloy"));
	json_set(c->mem, out, S("voices"), list);
	json_set_int(c->mem, out, S("word_limit"), MODEL_SPEECH_TEXT_MAX);
	return 0;
}

static status model_json(struct call *c, const struct model_record *r, struct json **out)
{
	struct json *o = json_obj(c->mem), *label = json_obj(c->mem), *features;
	struct json *properties = json_obj(c->mem);
	int64_t context = number_setting(r->settings, S("context_size"));
	struct str shown = json_get_str(r->settings, S("display_name"));
	struct str mode = json_get_str(r->settings, S("mode"));
	if (features_json(c, r, &features))
		return -1;
	json_set_str(c->mem, o, S("model"), r->name);
	json_set_str(c->mem, label, S("zh_Hans"), shown.len ? shown : r->name);
	json_set_str(c->mem, label, S("en_US"), shown.len ? shown : r->name);
	json_set(c->mem, o, S("label"), label);
	json_set_str(c->mem, o, S("model_type"), model_type_name(r->type));
	json_set(c->mem, o, S("features"), features);
	json_set_str(c->mem, o, S("fetch_from"),
		     r->bundled ? S("predefined-model") : S("customizable-model"));
	if (r->type == MODEL_TTS && r->enabled && speech_properties(c, r, properties))
		return -1;
	if (context && (r->type == MODEL_LLM || r->type == MODEL_EMBEDDING))
		json_set_int(c->mem, properties, S("context_size"), context);
	if (context && r->type == MODEL_EMBEDDING) {
		int64_t chunks = number_setting(r->settings, S("max_chunks"));
		json_set_int(c->mem, properties, S("max_chunks"), chunks ? chunks : 1);
	}
	if (r->type == MODEL_LLM)
		json_set_str(c->mem, properties, S("mode"), mode.len ? mode : S("chat"));
	json_set(c->mem, o, S("model_properties"), properties);
	json_set_bool(c->mem, o, S("deprecated"), false);
	json_set_str(c->mem, o, S("status"), r->enabled ? S("active") : S("disabled"));
	json_set_bool(c->mem, o, S("load_balancing_enabled"), false);
	json_set_bool(c->mem, o, S("has_invalid_load_balancing_configs"), false);
	*out = o;
	return 0;
}

static struct json *short_provider(struct call *c, const struct provider_info *p)
{
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("provider"), provider_full(c->mem, str_c(p->id)));
	json_set(c->mem, o, S("label"), label_json(c->mem, p));
	json_set_null(c->mem, o, S("icon_small"));
	json_set_null(c->mem, o, S("icon_small_dark"));
	json_set(c->mem, o, S("supported_model_types"), types_json(c->mem, p));
	json_set(c->mem, o, S("models"), json_arr(c->mem));
	json_set_str(c->mem, o, S("tenant_id"), c->account->tenant_id);
	return o;
}

/* --- list of providers --- */

static const struct form_field {
	const char *variable, *zh, *en, *type;
	bool required;
} form[] = {
	{ "display_name", "\u663e\u793a\u540d\u79f0", "Display name", "text-input", false },
	{ "api_key", "API Key", "API Key", "secret-input", false },
	{ "endpoint_url", "API \u5730\u5740", "Address of the API", "text-input", true },
	{ "endpoint_model_name", "\u670d\u52a1\u5668\u4e0a\u7684\u540d\u79f0", "Name on the server",
	  "text-input", false },
	{ "mode", "\u6a21\u5f0f", "Mode (chat or completion)", "text-input", false },
	{ "context_size", "\u4e0a\u4e0b\u6587\u957f\u5ea6", "Context size", "text-input", false },
	{ "max_tokens_to_sample", "\u6700\u5927 token \u6570", "Most tokens of an answer",
	  "text-input", false },
	{ "function_calling_type", "\u51fd\u6570\u8c03\u7528",
	  "Function calling (no_call, tool_call)", "text-input", false },
	{ "vision_support", "\u89c6\u89c9", "Vision (support, no_support)", "text-input", false },
	{ "voices", "\u58f0\u97f3", "Voices of a speech model, separated by commas", "text-input", false },
	{ "language", "\u8bed\u8a00", "Language of recordings (en, ja, zh, ..)", "text-input", false },
	{ "structured_output_support", "\u7ed3\u6784\u5316\u8f93\u51fa",
	  "Structured output (supported, not_supported)", "text-input", false },
};

static struct json *schema_json(struct call *c)
{
	struct arena *mem = c->mem;
	struct json *o = json_obj(mem), *model = json_obj(mem), *fields = json_arr(mem);
	json_set(mem, model, S("label"), two_labels(mem, "\u6a21\u578b\u540d\u79f0", "Model Name"));
	json_set(mem, model, S("placeholder"),
		 two_labels(mem, "\u6a21\u578b\u5168\u79f0", "The full name of the model"));
	json_set(mem, o, S("model"), model);
	for (size_t i = 0; i < countof(form); i++) {
		struct json *f = json_obj(mem);
		json_set_str(mem, f, S("variable"), str_c(form[i].variable));
		json_set(mem, f, S("label"), two_labels(mem, form[i].zh, form[i].en));
		json_set_str(mem, f, S("type"), str_c(form[i].type));
		json_set_bool(mem, f, S("required"), form[i].required);
		json_set_null(mem, f, S("default"));
		json_set(mem, f, S("options"), json_arr(mem));
		json_set_null(mem, f, S("placeholder"));
		json_set_int(mem, f, S("max_length"), 0);
		json_set(mem, f, S("show_on"), json_arr(mem));
		json_push(mem, fields, f);
	}
	json_set(mem, o, S("credential_form_schemas"), fields);
	return o;
}

static struct str credential_name(const struct model_record *r)
{
	struct str name = json_get_str(r->settings, S("credential_name"));
	return name.len ? name : r->name;
}

static struct json *credential_json(struct call *c, const struct model_record *r)
{
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("credential_id"), r->id);
	json_set_str(c->mem, o, S("credential_name"), credential_name(r));
	return o;
}

static struct json *custom_model(struct call *c, const struct model_record *r)
{
	struct json *o = json_obj(c->mem), *list = json_arr(c->mem);
	json_set_str(c->mem, o, S("model"), r->name);
	json_set_str(c->mem, o, S("model_type"), model_type_name(r->type));
	json_set_null(c->mem, o, S("credentials"));
	json_set_str(c->mem, o, S("current_credential_id"), r->id);
	json_set_str(c->mem, o, S("current_credential_name"), credential_name(r));
	json_push(c->mem, list, credential_json(c, r));
	json_set(c->mem, o, S("available_model_credentials"), list);
	json_set_bool(c->mem, o, S("unadded_to_model_list"), false);
	return o;
}

static struct json *provider_json(struct call *c, const struct provider_info *p,
				  const struct model_record *list, size_t n)
{
	struct arena *mem = c->mem;
	struct json *o = json_obj(mem), *custom = json_obj(mem), *models = json_arr(mem);
	struct json *methods = json_arr(mem), *system = json_obj(mem);
	bool active = false;
	for (size_t i = 0; i < n; i++) {
		if (!str_eq(list[i].provider, str_c(p->id)))
			continue;
		active = true;
		if (!list[i].bundled)
			json_push(mem, models, custom_model(c, &list[i]));
	}
	bool own = str_eq(str_c(p->id), S("tatara"));
	json_set_str(mem, o, S("tenant_id"), c->account->tenant_id);
	json_set_str(mem, o, S("provider"), provider_full(mem, str_c(p->id)));
	json_set(mem, o, S("label"), label_json(mem, p));
	json_set_null(mem, o, S("description"));
	json_set_null(mem, o, S("icon_small"));
	json_set_null(mem, o, S("icon_small_dark"));
	json_set_null(mem, o, S("background"));
	json_set_null(mem, o, S("help"));
	if (p->help_url && *p->help_url) {
		struct json *h = json_set(mem, o, S("help"), json_obj(mem));
		json_set(mem, h, S("title"), two_labels(mem, p->label_zh, p->label_en));
		json_set(mem, h, S("url"), two_labels(mem, p->help_url, p->help_url));
	}
	json_set(mem, o, S("supported_model_types"), types_json(mem, p));
	json_push_str(mem, methods, own ? S("predefined-model") : S("customizable-model"));
	json_set(mem, o, S("configurate_methods"), methods);
	json_set_null(mem, o, S("provider_credential_schema"));
	json_set(mem, o, S("model_credential_schema"), own ? json_null(mem) : schema_json(c));
	json_set_str(mem, o, S("preferred_provider_type"), own ? S("system") : S("custom"));
	json_set_str(mem, custom, S("status"), active && !own ? S("active") : S("no-configure"));
	json_set_null(mem, custom, S("current_credential_id"));
	json_set_null(mem, custom, S("current_credential_name"));
	json_set(mem, custom, S("available_credentials"), json_arr(mem));
	json_set(mem, custom, S("custom_models"), models);
	json_set(mem, custom, S("can_added_models"), json_arr(mem));
	json_set(mem, o, S("custom_configuration"), custom);
	json_set_bool(mem, system, S("enabled"), own && active);
	json_set_null(mem, system, S("current_quota_type"));
	json_set(mem, system, S("quota_configurations"), json_arr(mem));
	json_set(mem, o, S("system_configuration"), system);
	return o;
}

static status load_models(struct call *c, struct model_record **list, size_t *n)
{
	return models_list(c->s->models, c->mem, c->account->tenant_id, list, n);
}

static bool wanted_type(struct call *c, const struct provider_info *p)
{
	enum model_type t;
	struct str asked = http_query(c->http, S("model_type"));
	if (!asked.len)
		return true;
	return model_type_parse(asked, &t) == 0 && (p->types & (1u << t));
}

status console_providers(struct call *c)
{
	struct model_record *list;
	size_t n;
	struct json *o = json_obj(c->mem), *rows = json_arr(c->mem);
	if (load_models(c, &list, &n))
		return -1;
	for (size_t i = 0; i < provider_infos_len; i++)
		if (wanted_type(c, provider_infos[i]))
			json_push(c->mem, rows, provider_json(c, provider_infos[i], list, n));
	json_set(c->mem, o, S("data"), rows);
	return reply_json(c, 200, o);
}

static status no_provider(struct str name)
{
	return err_set(ERR_INVALID, "Provider %.*s does not exist.", STR(name));
}

status console_provider_models(struct call *c)
{
	const struct provider_info *p = provider_row(provider_param(c));
	struct model_record *list;
	size_t n;
	struct json *o = json_obj(c->mem), *rows = json_arr(c->mem);
	if (!p)
		return no_provider(provider_param(c));
	if (load_models(c, &list, &n))
		return -1;
	for (size_t k = 0; k < countof(list_order) * n; k++) {
		const struct model_record *r = &list[k % n];
		struct json *m;
		if (r->type != list_order[k / n] || !str_eq(r->provider, str_c(p->id)))
			continue;
		if (model_json(c, r, &m))
			return -1;
		json_set(c->mem, m, S("provider"), short_provider(c, p));
		json_push(c->mem, rows, m);
	}
	json_set(c->mem, o, S("data"), rows);
	return reply_json(c, 200, o);
}

/* A type that others know and we have no calls for: lists of it are empty. */
static bool other_type(struct str t)
{
	return str_eq(t, S("moderation"));
}

static status provider_of_type(struct call *c, const struct provider_info *p, enum model_type type,
			       const struct model_record *list, size_t n, struct json *rows)
{
	struct json *models = json_arr(c->mem);
	for (size_t i = 0; i < n; i++) {
		struct json *m;
		if (list[i].type != type || !list[i].enabled ||
		    !str_eq(list[i].provider, str_c(p->id)))
			continue;
		if (model_json(c, &list[i], &m))
			return -1;
		json_push(c->mem, models, m);
	}
	if (!json_len(models))
		return 0;
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("tenant_id"), c->account->tenant_id);
	json_set_str(c->mem, o, S("provider"), provider_full(c->mem, str_c(p->id)));
	json_set(c->mem, o, S("label"), label_json(c->mem, p));
	json_set_null(c->mem, o, S("icon_small"));
	json_set_null(c->mem, o, S("icon_small_dark"));
	json_set_str(c->mem, o, S("status"), S("active"));
	json_set(c->mem, o, S("models"), models);
	json_push(c->mem, rows, o);
	return 0;
}

status console_models_of_type(struct call *c)
{
	enum model_type type;
	struct model_record *list = NULL;
	size_t n = 0;
	bool known = model_type_parse(c->param[0], &type) == 0;
	struct json *o = json_obj(c->mem), *rows = json_arr(c->mem);
	if (!known && !other_type(c->param[0]))
		return err_set(ERR_INVALID, "invalid origin model type %.*s", STR(c->param[0]));
	if (known && load_models(c, &list, &n))
		return -1;
	for (size_t i = 0; known && i < provider_infos_len; i++)
		if (provider_of_type(c, provider_infos[i], type, list, n, rows))
			return -1;
	json_set(c->mem, o, S("data"), rows);
	return reply_json(c, 200, o);
}

/* Keys are kept a model, never a provider. */
status console_credentials_none(struct call *c)
{
	struct json *o = json_obj(c->mem);
	if (!provider_row(provider_param(c)))
		return no_provider(provider_param(c));
	json_set(c->mem, o, S("credentials"), json_obj(c->mem));
	return reply_json(c, 200, o);
}

/* --- default models --- */

static status type_query(struct str text, enum model_type *type, bool *other)
{
	*other = other_type(text);
	if (*other || model_type_parse(text, type) == 0)
		return 0;
	return err_set(ERR_INVALID, "model_type: Input should be 'llm', 'text-embedding', 'rerank', "
				    "'speech2text', 'moderation' or 'tts'");
}

status console_default_get(struct call *c)
{
	enum model_type type = MODEL_LLM;
	bool other;
	struct str provider = { 0 }, name = { 0 };
	struct json *o = json_obj(c->mem);
	if (type_query(http_query(c->http, S("model_type")), &type, &other))
		return -1;
	if (!other && models_default_get(c->s->models, c->mem, c->account->tenant_id, type, &provider,
					 &name))
		return -1;
	const struct provider_info *p = provider.len ? provider_row(provider) : NULL;
	json_set_null(c->mem, o, S("data"));
	if (p) {
		struct json *d = json_set(c->mem, o, S("data"), json_obj(c->mem));
		json_set_str(c->mem, d, S("model"), name);
		json_set_str(c->mem, d, S("model_type"), model_type_name(type));
		json_set(c->mem, d, S("provider"), short_provider(c, p));
	}
	return reply_json(c, 200, o);
}

static status set_one(struct call *c, const struct json *row)
{
	enum model_type type = MODEL_LLM;
	bool other;
	struct str provider = json_get_str(row, S("provider")), model = json_get_str(row, S("model"));
	if (type_query(json_get_str(row, S("model_type")), &type, &other))
		return -1;
	if (!provider.len || !model.len)
		return 0; /* a row without a model leaves its type as it is */
	const struct provider_info *p = provider_row(provider);
	if (!p)
		return no_provider(provider);
	if (other)
		return err_set(ERR_INVALID, "models of type %.*s are not available",
			       STR(json_get_str(row, S("model_type"))));
	return models_default_set(c->s->models, c->account->tenant_id, type, str_c(p->id), model);
}

status console_default_set(struct call *c)
{
	if (call_body(c))
		return -1;
	const struct json *rows = json_get(c->body, S("model_settings"));
	if (!json_is(rows, JSON_ARR))
		return err_set(ERR_INVALID, "model_settings: Field required");
	json_each(rows, it)
		if (set_one(c, it))
			return -1;
	return reply_ok(c);
}
