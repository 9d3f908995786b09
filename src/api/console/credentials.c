/* SPDX-License-Identifier: Apache-2.0 */
/*
 * credentials: add, show, change, remove the credentials of one model. A model has one set of them;
 * all but address and key is kept as the model's settings, by the names they came with.
 */
#include "api/console/models.h"

static status read_set(struct call *c, struct model_set *s, struct json **settings)
{
	const struct provider_info *p = provider_row(provider_param(c));
	struct str type, name = S("");
	if (call_body(c) || need_text(c, S("model"), 1, 255, &s->name) ||
	    need_text(c, S("model_type"), 1, 40, &type) || take_text(c, S("name"), 30, &name))
		return -1;
	if (!p)
		return err_set(ERR_INVALID, "Provider %.*s does not exist.", STR(provider_param(c)));
	if (model_type_parse(type, &s->type)) {
		bool other = str_eq(type, S("moderation"));
		return other ? err_set(ERR_INVALID, "models of type %.*s are not available", STR(type))
			     : err_set(ERR_INVALID, "model_type: Input should be 'llm', "
						    "'text-embedding', 'rerank', 'speech2text', "
						    "'moderation' or 'tts'");
	}
	const struct json *given = json_get(c->body, S("credentials"));
	if (!json_is(given, JSON_OBJ))
		return err_set(ERR_INVALID, "credentials: Field required");
	s->tenant_id = c->account->tenant_id;
	s->provider = str_c(p->id);
	s->base_url = json_get_str(given, S("endpoint_url"));
	if (!s->base_url.len && p->needs_url)
		return err_set(ERR_INVALID, "Variable endpoint_url is required");
	struct str key = json_get_str(given, S("api_key"));
	if (!str_eq(key, S(WORKFLOW_SECRET_KEEP)) && !str_eq(key, S(WORKFLOW_SECRET_MASK)))
		s->api_key = key.at ? key : S("");
	*settings = json_obj(c->mem);
	json_each_member(given, m)
		if (!str_eq(m->name, S("endpoint_url")) && !str_eq(m->name, S("api_key")))
			json_set(c->mem, *settings, m->name, &m->value);
	if (name.len)
		json_set_str(c->mem, *settings, S("credential_name"), name);
	s->settings = *settings;
	return 0;
}

static status find_record(struct call *c, struct str provider, enum model_type type, struct str name,
			  struct model_record **out)
{
	struct model_record *list;
	size_t n;
	*out = NULL;
	if (models_list(c->s->models, c->mem, c->account->tenant_id, &list, &n))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (list[i].type == type && str_eq(list[i].name, name) &&
		    str_eq(list[i].provider, provider) && !list[i].bundled)
			*out = &list[i];
	return 0;
}

static status check(struct call *c, const struct model_set *s)
{
	if (models_check(c->s->models, c->mem, s) == 0)
		return 0;
	struct err cause;
	if (err_code() == ERR_CANCELLED)
		return -1;
	err_save(&cause);
	return err_set(ERR_INVALID, "An error occurred during credentials validation: %s", cause.text);
}

status console_model_credentials_set(struct call *c)
{
	struct model_set s = { 0 };
	struct json *settings;
	struct model_record *there;
	struct str id;
	if (read_set(c, &s, &settings) || find_record(c, s.provider, s.type, s.name, &there))
		return -1;
	struct str name = json_get_str(settings, S("credential_name"));
	if (there && name.len &&
	    str_eq(json_get_str(there->settings, S("credential_name")), name))
		return err_set(ERR_INVALID, "Model credential with name '%.*s' already exists for %.*s.",
			       STR(name), STR(s.name));
	if (check(c, &s) || models_set(c->s->models, c->mem, &s, &id))
		return -1;
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("result"), S("success"));
	return reply_json(c, 201, o);
}

status console_model_credentials_update(struct call *c)
{
	struct model_set s = { 0 };
	struct json *settings;
	struct model_record *there;
	struct str id;
	if (read_set(c, &s, &settings) || find_record(c, s.provider, s.type, s.name, &there))
		return -1;
	if (!there)
		return err_set(ERR_INVALID, "The model %.*s has no credentials yet.", STR(s.name));
	if (check(c, &s) || models_set(c->s->models, c->mem, &s, &id))
		return -1;
	return reply_ok(c);
}

status console_model_credentials_check(struct call *c)
{
	struct model_set s = { 0 };
	struct json *settings;
	if (read_set(c, &s, &settings))
		return -1;
	if (check(c, &s) == 0)
		return reply_pair(c, 200, "result", "success", "error", S(""));
	if (err_code() != ERR_INVALID)
		return -1;
	return reply_pair(c, 200, "result", "error", "error", arena_str(c->mem, err_text()));
}

status console_model_credentials_get(struct call *c)
{
	const struct provider_info *p = provider_row(provider_param(c));
	struct str name = http_query(c->http, S("model"));
	enum model_type type;
	struct model_record *r = NULL;
	if (!p)
		return err_set(ERR_INVALID, "Provider %.*s does not exist.", STR(provider_param(c)));
	if (model_type_parse(http_query(c->http, S("model_type")), &type))
		return err_set(ERR_INVALID, "model_type: Input should be 'llm', 'text-embedding', "
					    "'rerank', 'speech2text', 'moderation' or 'tts'");
	if (find_record(c, str_c(p->id), type, name, &r))
		return -1;
	struct arena *mem = c->mem;
	struct json *o = json_obj(mem), *shown = json_obj(mem), *balance = json_obj(mem);
	struct json *available = json_arr(mem);
	struct str credential = r ? json_get_str(r->settings, S("credential_name")) : S("");
	json_each_member(r ? r->settings : NULL, m)
		if (!str_eq(m->name, S("credential_name")))
			json_set(mem, shown, m->name, &m->value);
	if (r) {
		json_set_str(mem, shown, S("api_key"),
			     r->key_hint.len ? S(WORKFLOW_SECRET_MASK) : S(""));
		json_set_str(mem, shown, S("endpoint_url"), r->base_url);
		struct json *row = json_obj(mem);
		json_set_str(mem, row, S("credential_id"), r->id);
		json_set_str(mem, row, S("credential_name"), credential.len ? credential : r->name);
		json_push(mem, available, row);
	}
	json_set(mem, o, S("credentials"), shown);
	put_text(mem, o, S("current_credential_id"), r ? r->id : S(""));
	put_text(mem, o, S("current_credential_name"),
		 credential.len ? credential : r ? r->name : S(""));
	json_set_bool(mem, balance, S("enabled"), false);
	json_set(mem, balance, S("configs"), json_arr(mem));
	json_set(mem, o, S("load_balancing"), balance);
	json_set(mem, o, S("available_credentials"), available);
	return reply_json(c, 200, o);
}

status console_model_credentials_remove(struct call *c)
{
	const struct provider_info *p = provider_row(provider_param(c));
	struct str name, type_name;
	enum model_type type;
	struct model_record *r;
	if (call_body(c) || need_text(c, S("model"), 1, 255, &name) ||
	    need_text(c, S("model_type"), 1, 40, &type_name))
		return -1;
	if (!p)
		return err_set(ERR_INVALID, "Provider %.*s does not exist.", STR(provider_param(c)));
	if (model_type_parse(type_name, &type) || find_record(c, str_c(p->id), type, name, &r))
		return -1;
	if (r && models_remove(c->s->models, c->account->tenant_id, r->id))
		return -1;
	return reply_empty(c, 204);
}

/* --- parameters --- */

static const struct rule {
	const char *name, *zh, *en, *help_zh, *help_en;
	bool whole;
	double dflt, min, max;
} rules[] = {
	{ "temperature", "\u6e29\u5ea6", "Temperature",
	  "\u8d8a\u9ad8\u8d8a\u968f\u673a\uff0c\u8d8a\u4f4e\u8d8a\u786e\u5b9a\u3002",
	  "Higher answers vary more, lower ones less.", false, 0.7, 0, 2 },
	{ "top_p", "Top P", "Top P",
	  "\u53ea\u4ece\u7d2f\u8ba1\u6982\u7387\u8fbe\u5230\u6b64\u503c\u7684\u8bcd\u4e2d\u9009\u3002",
	  "Only words up to this sum of probability are considered.", false, 1, 0, 1 },
	{ "frequency_penalty", "\u9891\u7387\u60e9\u7f5a", "Frequency Penalty",
	  "\u51cf\u5c11\u5df2\u591a\u6b21\u51fa\u73b0\u7684\u8bcd\u3002",
	  "Makes words rarer the more often they came.", false, 0, -2, 2 },
	{ "presence_penalty", "\u5b58\u5728\u60e9\u7f5a", "Presence Penalty",
	  "\u51cf\u5c11\u5df2\u51fa\u73b0\u8fc7\u7684\u8bcd\u3002",
	  "Makes words rarer that came before.", false, 0, -2, 2 },
	{ "max_tokens", "\u6700\u5927 token \u6570", "Max Tokens",
	  "\u56de\u7b54\u7684\u6700\u5927\u957f\u5ea6\u3002", "The longest answer, in tokens.", true,
	  512, 1, 4096 },
};

static struct json *two(struct arena *mem, const char *zh, const char *en)
{
	struct json *o = json_obj(mem);
	json_set_str(mem, o, S("zh_Hans"), str_c(zh));
	json_set_str(mem, o, S("en_US"), str_c(en));
	return o;
}

static struct json *rule_json(struct arena *mem, const struct rule *r, int64_t max)
{
	struct json *o = json_obj(mem);
	json_set_str(mem, o, S("name"), str_c(r->name));
	json_set_null(mem, o, S("use_template"));
	json_set(mem, o, S("label"), two(mem, r->zh, r->en));
	json_set_str(mem, o, S("type"), r->whole ? S("int") : S("float"));
	json_set(mem, o, S("help"), two(mem, r->help_zh, r->help_en));
	json_set_bool(mem, o, S("required"), false);
	if (r->whole || r->dflt == (double)(int64_t)r->dflt)
		json_set_int(mem, o, S("default"), (int64_t)r->dflt);
	else
		json_set_float(mem, o, S("default"), r->dflt);
	if (r->whole) {
		json_set_int(mem, o, S("min"), (int64_t)r->min);
		json_set_int(mem, o, S("max"), max > 0 ? max : (int64_t)r->max);
		json_set_int(mem, o, S("precision"), 0);
	} else {
		json_set_float(mem, o, S("min"), r->min);
		json_set_float(mem, o, S("max"), r->max);
		json_set_int(mem, o, S("precision"), 2);
	}
	json_set(mem, o, S("options"), json_arr(mem));
	return o;
}

status console_parameter_rules(struct call *c)
{
	const struct provider_info *p = provider_row(provider_param(c));
	struct model_record *r;
	struct json *o = json_obj(c->mem), *rows = json_arr(c->mem);
	int64_t max = 0;
	if (!p)
		return err_set(ERR_INVALID, "Provider %.*s does not exist.", STR(provider_param(c)));
	if (find_record(c, str_c(p->id), MODEL_LLM, http_query(c->http, S("model")), &r))
		return -1;
	struct str text = r ? json_get_str(r->settings, S("max_tokens_to_sample")) : S("");
	if (text.len && str_to_i64(text, &max))
		max = 0;
	for (size_t i = 0; r && i < countof(rules); i++)
		json_push(c->mem, rows, rule_json(c->mem, &rules[i], max));
	json_set(c->mem, o, S("data"), rows);
	return reply_json(c, 200, o);
}
