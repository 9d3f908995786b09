/* SPDX-License-Identifier: Apache-2.0 */
/* settings: the model config of easy apps, and the web page of an app. */
#include "api/console/console.h"
#include "model/model.h"

static status known_model(struct call *c, struct str provider, struct str name)
{
	struct model_record *list;
	size_t n;
	struct str id = provider_resolve(provider);
	if (models_list(c->s->models, c->mem, c->account->tenant_id, &list, &n))
		return -1;
	if (!id.at)
		return err_set(ERR_INVALID, "model.provider is required and must be in %s",
			       "the list of model providers");
	for (size_t i = 0; i < n; i++) {
		bool any = json_get_bool(list[i].settings, S("any_name"), false);
		if (list[i].type == MODEL_LLM && str_eq(list[i].provider, id) &&
		    (any || str_eq(list[i].name, name)))
			return 0;
	}
	return err_set(ERR_INVALID, "model.name must be in the specified model list");
}

status console_app_config(struct call *c)
{
	if (need_app(c) || call_body(c))
		return -1;
	const struct json *model = json_get(c->body, S("model"));
	if (!model || model->type == JSON_NULL)
		return err_set(ERR_INVALID, "model is required");
	if (model->type != JSON_OBJ)
		return err_set(ERR_INVALID, "model must be of object type");
	struct str provider = json_get_str(model, S("provider")), name = json_get_str(model, S("name"));
	if (!provider.len)
		return err_set(ERR_INVALID, "model.provider is required");
	if (!name.len)
		return err_set(ERR_INVALID, "model.name is required");
	if (known_model(c, provider, name) ||
	    app_set_model_config(c->s->apps, c->mem, c->account->tenant_id, c->app->id, c->body,
				 c->account->id))
		return -1;
	return reply_ok(c);
}

static struct json *site_json(struct call *c, const struct site *s)
{
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("app_id"), s->app_id);
	json_set_str(c->mem, o, S("access_token"), s->code);
	json_set_str(c->mem, o, S("code"), s->code);
	json_set_str(c->mem, o, S("title"), s->title);
	json_set_str(c->mem, o, S("icon"), s->icon);
	json_set_str(c->mem, o, S("icon_background"), s->icon_background);
	json_set_str_or_null(c->mem, o, S("description"), s->description);
	json_set_str(c->mem, o, S("default_language"), s->default_language);
	json_set_null(c->mem, o, S("customize_domain"));
	json_set_str_or_null(c->mem, o, S("copyright"), s->copyright);
	json_set_str_or_null(c->mem, o, S("privacy_policy"), s->privacy_policy);
	json_set_str(c->mem, o, S("custom_disclaimer"), s->custom_disclaimer);
	json_set_str(c->mem, o, S("customize_token_strategy"), S("not_allow"));
	json_set_bool(c->mem, o, S("prompt_public"), s->prompt_public);
	json_set_bool(c->mem, o, S("show_workflow_steps"), s->show_workflow_steps);
	json_set_bool(c->mem, o, S("use_icon_as_answer_icon"), s->use_icon_as_answer_icon);
	return o;
}

static status read_site(struct call *c, struct site *s)
{
	struct str strategy = S("not_allow");
	if (take_text(c, S("title"), 255, &s->title) ||
	    take_text(c, S("icon_type"), 20, &s->icon_type) ||
	    take_text(c, S("icon"), 255, &s->icon) ||
	    take_text(c, S("icon_background"), 255, &s->icon_background) ||
	    take_text(c, S("description"), 4000, &s->description) ||
	    take_text(c, S("default_language"), 16, &s->default_language) ||
	    take_text(c, S("chat_color_theme"), 255, &s->chat_color_theme) ||
	    take_bool(c, S("chat_color_theme_inverted"), &s->chat_color_theme_inverted) ||
	    take_text(c, S("copyright"), 255, &s->copyright) ||
	    take_text(c, S("privacy_policy"), 255, &s->privacy_policy) ||
	    take_text(c, S("custom_disclaimer"), 512, &s->custom_disclaimer) ||
	    take_text(c, S("input_placeholder"), 255, &s->input_placeholder) ||
	    take_text(c, S("customize_token_strategy"), 20, &strategy) ||
	    take_bool(c, S("prompt_public"), &s->prompt_public) ||
	    take_bool(c, S("show_workflow_steps"), &s->show_workflow_steps) ||
	    take_bool(c, S("use_icon_as_answer_icon"), &s->use_icon_as_answer_icon))
		return -1;
	if (!language_valid(s->default_language))
		return err_set(ERR_INVALID, "default_language: %.*s is not a valid language.",
			       STR(s->default_language));
	if (!str_eq(strategy, S("must")) && !str_eq(strategy, S("allow")) &&
	    !str_eq(strategy, S("not_allow")))
		return err_set(ERR_INVALID, "customize_token_strategy: Input should be 'must', 'allow' "
					    "or 'not_allow'");
	return 0;
}

status console_app_site(struct call *c)
{
	struct site *s;
	if (need_app(c) || call_body(c) || site_get(c->s->apps, c->mem, c->app->id, &s) ||
	    read_site(c, s) || site_update(c->s->apps, c->mem, s))
		return -1;
	return reply_json(c, 200, site_json(c, s));
}

status console_app_site_code(struct call *c)
{
	struct site *s;
	struct str code;
	if (need_app(c) || site_reset_code(c->s->apps, c->mem, c->app->id, &code) ||
	    site_get(c->s->apps, c->mem, c->app->id, &s))
		return -1;
	return reply_json(c, 200, site_json(c, s));
}
