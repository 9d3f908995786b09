/* SPDX-License-Identifier: Apache-2.0 */
/* app_shape: the forms in which an app is shown: after a change, in detail, as a row of the list. */
#include "api/console/console.h"
#include "flow/file.h"

static void put_stamps(struct call *c, struct json *o, struct str created_by, int64_t created_ms,
		       struct str updated_by, int64_t updated_ms)
{
	put_text(c->mem, o, S("created_by"), created_by);
	put_time(c->mem, o, S("created_at"), created_ms);
	put_text(c->mem, o, S("updated_by"), updated_by);
	put_time(c->mem, o, S("updated_at"), updated_ms);
}

static void put_workflow(struct call *c, struct json *o, const struct app *a)
{
	if (!a->workflow_id.len) {
		json_set_null(c->mem, o, S("workflow"));
		return;
	}
	struct json *w = json_set(c->mem, o, S("workflow"), json_obj(c->mem));
	json_set_str(c->mem, w, S("id"), a->workflow_id);
	put_stamps(c, w, a->workflow_created_by, a->workflow_created_ms, a->workflow_updated_by,
		   a->workflow_updated_ms);
}

static void put_icon_url(struct call *c, struct json *o, struct str icon_type, struct str icon)
{
	bool image = str_eq(icon_type, S("image")) && icon.len && c->s->flow;
	json_set_str_or_null(c->mem, o, S("icon_url"),
			     image ? file_signed_url(c->s->flow, c->mem, icon) : (struct str){ 0 });
}

struct json *app_json(struct call *c, const struct app *a)
{
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("id"), a->id);
	json_set_str(c->mem, o, S("name"), a->name);
	json_set_str(c->mem, o, S("description"), a->description);
	json_set_str(c->mem, o, S("mode"), a->mode);
	json_set_str(c->mem, o, S("icon"), a->icon);
	json_set_str(c->mem, o, S("icon_background"), a->icon_background);
	json_set_bool(c->mem, o, S("enable_site"), a->enable_site);
	json_set_bool(c->mem, o, S("enable_api"), a->enable_api);
	if (a->model_config) {
		struct json *m = app_full_model_config(c->mem, a->model_config);
		put_stamps(c, m, a->created_by, a->created_ms, a->updated_by, a->updated_ms);
		json_set(c->mem, o, S("model_config"), m);
	} else {
		json_set_null(c->mem, o, S("model_config"));
	}
	put_workflow(c, o, a);
	json_set_null(c->mem, o, S("tracing"));
	json_set_bool(c->mem, o, S("use_icon_as_answer_icon"), a->use_icon_as_answer_icon);
	put_stamps(c, o, a->created_by, a->created_ms, a->updated_by, a->updated_ms);
	json_set_null(c->mem, o, S("access_mode"));
	json_set(c->mem, o, S("tags"), json_arr(c->mem));
	return o;
}

static void put_limit(struct call *c, struct json *o, const struct app *a)
{
	if (a->max_active_requests > 0)
		json_set_int(c->mem, o, S("max_active_requests"), a->max_active_requests);
	else
		json_set_null(c->mem, o, S("max_active_requests"));
}

static status put_site(struct call *c, struct json *o, const struct app *a)
{
	struct site *s;
	struct json *j = json_set(c->mem, o, S("site"), json_obj(c->mem));
	if (site_get(c->s->apps, c->mem, a->id, &s))
		return -1;
	json_set_str(c->mem, j, S("access_token"), s->code);
	json_set_str(c->mem, j, S("code"), s->code);
	json_set_str(c->mem, j, S("title"), s->title);
	json_set_str(c->mem, j, S("icon_type"), s->icon_type);
	json_set_str(c->mem, j, S("icon"), s->icon);
	json_set_str(c->mem, j, S("icon_background"), s->icon_background);
	json_set_str_or_null(c->mem, j, S("description"), s->description);
	json_set_str(c->mem, j, S("default_language"), s->default_language);
	json_set_str_or_null(c->mem, j, S("chat_color_theme"), s->chat_color_theme);
	json_set_bool(c->mem, j, S("chat_color_theme_inverted"), s->chat_color_theme_inverted);
	json_set_null(c->mem, j, S("customize_domain"));
	json_set_str_or_null(c->mem, j, S("copyright"), s->copyright);
	json_set_str_or_null(c->mem, j, S("privacy_policy"), s->privacy_policy);
	json_set_str(c->mem, j, S("custom_disclaimer"), s->custom_disclaimer);
	json_set_str(c->mem, j, S("customize_token_strategy"), S("not_allow"));
	json_set_bool(c->mem, j, S("prompt_public"), s->prompt_public);
	json_set_str(c->mem, j, S("app_base_url"), web_url(c));
	json_set_bool(c->mem, j, S("show_workflow_steps"), s->show_workflow_steps);
	json_set_bool(c->mem, j, S("use_icon_as_answer_icon"), s->use_icon_as_answer_icon);
	put_stamps(c, j, a->created_by, s->created_ms, a->updated_by, s->updated_ms);
	put_icon_url(c, j, s->icon_type, s->icon);
	return 0;
}

status app_detail_json(struct call *c, const struct app *a, struct json **out)
{
	struct json *o = app_json(c, a);
	json_set_str(c->mem, o, S("icon_type"), a->icon_type);
	json_set_str(c->mem, o, S("api_base_url"),
		     arena_printf(c->mem, "%.*s/v1", STR(service_url(c))));
	put_limit(c, o, a);
	json_set(c->mem, o, S("deleted_tools"), json_arr(c->mem));
	if (put_site(c, o, a))
		return -1;
	put_icon_url(c, o, a->icon_type, a->icon);
	*out = o;
	return 0;
}

status app_row_json(struct call *c, const struct app *a, struct json **out)
{
	struct json *o = json_obj(c->mem), *author;
	json_set_str(c->mem, o, S("id"), a->id);
	json_set_str(c->mem, o, S("name"), a->name);
	put_limit(c, o, a);
	json_set_str(c->mem, o, S("description"), a->description);
	json_set_str(c->mem, o, S("mode"), a->mode);
	json_set_str(c->mem, o, S("icon_type"), a->icon_type);
	json_set_str(c->mem, o, S("icon"), a->icon);
	json_set_str(c->mem, o, S("icon_background"), a->icon_background);
	if (a->model_config) {
		struct json *m = json_set(c->mem, o, S("model_config"), json_obj(c->mem));
		json_set(c->mem, m, S("model"), json_get(a->model_config, S("model")));
		json_set(c->mem, m, S("pre_prompt"), json_get(a->model_config, S("pre_prompt")));
		put_stamps(c, m, a->created_by, a->created_ms, a->updated_by, a->updated_ms);
	} else {
		json_set_null(c->mem, o, S("model_config"));
	}
	put_workflow(c, o, a);
	json_set_bool(c->mem, o, S("use_icon_as_answer_icon"), a->use_icon_as_answer_icon);
	put_stamps(c, o, a->created_by, a->created_ms, a->updated_by, a->updated_ms);
	json_set(c->mem, o, S("tags"), json_arr(c->mem));
	json_set_null(c->mem, o, S("access_mode"));
	json_set_null(c->mem, o, S("create_user_name"));
	if (person_json(c, a->created_by, &author))
		return -1;
	put_text(c->mem, o, S("author_name"), json_get_str(author, S("name")));
	json_set_bool(c->mem, o, S("has_draft_trigger"), false);
	put_icon_url(c, o, a->icon_type, a->icon);
	*out = o;
	return 0;
}
