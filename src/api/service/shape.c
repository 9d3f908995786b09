/* SPDX-License-Identifier: Apache-2.0 */
/* shape: objects of answers, field for field as recorded. */
#include "account/account.h"
#include "api/service/service.h"
#include "app/app.h"
#include "base/arena.h"
#include "base/config.h"
#include "base/err.h"

struct json *shape_page(struct arena *mem, int64_t limit, bool more, struct json *data)
{
	struct json *o = json_obj(mem);
	json_set_int(mem, o, S("limit"), limit);
	json_set_bool(mem, o, S("has_more"), more);
	json_set(mem, o, S("data"), data);
	return o;
}

struct json *shape_conversation(struct arena *mem, const struct conversation *c)
{
	struct json *o = json_obj(mem);
	json_set_str(mem, o, S("id"), c->id);
	json_set_str(mem, o, S("name"), c->name);
	json_set(mem, o, S("inputs"), c->inputs);
	json_set_str(mem, o, S("status"), S("normal"));
	json_set_str(mem, o, S("introduction"), c->introduction);
	json_set_int(mem, o, S("created_at"), c->created_ms / 1000);
	json_set_int(mem, o, S("updated_at"), c->updated_ms / 1000);
	return o;
}

static void set_feedback(struct arena *mem, struct json *o, const struct message *m)
{
	struct json *f = json_obj(mem);
	json_set_str(mem, f, S("rating"), m->rating);
	json_set(mem, o, S("feedback"), m->rating.at ? f : NULL);
}

/* Citations of a stored message. */
static struct json *resources_of(struct arena *mem, const struct message *m)
{
	struct json *r = json_get(m->metadata, S("retriever_resources"));
	return json_is(r, JSON_ARR) ? r : json_arr(mem);
}

struct json *shape_message(struct call *c, const struct message *m)
{
	struct arena *mem = c->mem;
	struct json *o = json_obj(mem), *files = json_arr(mem);
	struct json *thoughts = json_arr(mem);
	json_each(m->files, file)
		json_push(mem, files, message_file_json(c->s->chats, mem, file));
	json_each(m->thoughts, t)
		json_push(mem, thoughts, chat_thought_json(mem, m, t));
	json_set_str(mem, o, S("id"), m->id);
	json_set_str(mem, o, S("conversation_id"), m->conversation_id);
	json_set_str_or_null(mem, o, S("parent_message_id"), m->parent_message_id);
	json_set(mem, o, S("inputs"), m->inputs);
	json_set_str(mem, o, S("query"), m->query);
	json_set_str(mem, o, S("answer"), m->answer);
	set_feedback(mem, o, m);
	json_set(mem, o, S("retriever_resources"), resources_of(mem, m));
	json_set_int(mem, o, S("created_at"), m->created_ms / 1000);
	json_set(mem, o, S("agent_thoughts"), thoughts);
	json_set(mem, o, S("message_files"), files);
	json_set_str(mem, o, S("status"), m->status);
	json_set_str_or_null(mem, o, S("error"), m->error);
	if (from_site(c)) {
		struct json *meta = json_obj(mem);
		json_set_null(mem, meta, S("annotation_reply"));
		json_set(mem, meta, S("retriever_resources"), resources_of(mem, m));
		json_set_null(mem, meta, S("usage"));
		json_set(mem, o, S("metadata"), meta);
	}
	return o;
}

static void set_or_null(struct arena *mem, struct json *o, const char *name, struct str v)
{
	json_set_str_or_null(mem, o, str_c(name), v.len ? v : (struct str){0});
}

status shape_site(struct call *c, bool prompt_public, struct json **out)
{
	struct arena *mem = c->mem;
	struct site *s;
	if (site_get(c->s->apps, mem, c->app->id, &s))
		return -1;
	struct json *o = json_obj(mem);
	json_set_str(mem, o, S("title"), s->title);
	set_or_null(mem, o, "chat_color_theme", s->chat_color_theme);
	json_set_bool(mem, o, S("chat_color_theme_inverted"), s->chat_color_theme_inverted);
	set_or_null(mem, o, "icon_type", s->icon_type);
	set_or_null(mem, o, "icon", s->icon);
	set_or_null(mem, o, "icon_background", s->icon_background);
	if (prompt_public)
		json_set_null(mem, o, S("icon_url"));
	set_or_null(mem, o, "description", s->description);
	set_or_null(mem, o, "copyright", s->copyright);
	json_set_str_or_null(mem, o, S("privacy_policy"), s->privacy_policy);
	json_set_str(mem, o, S("custom_disclaimer"),
		     s->custom_disclaimer.at ? s->custom_disclaimer : S(""));
	json_set_str(mem, o, S("default_language"), s->default_language);
	if (prompt_public)
		json_set_bool(mem, o, S("prompt_public"), s->prompt_public);
	json_set_bool(mem, o, S("show_workflow_steps"), s->show_workflow_steps);
	json_set_bool(mem, o, S("use_icon_as_answer_icon"), s->use_icon_as_answer_icon);
	if (!prompt_public)
		json_set_null(mem, o, S("icon_url"));
	*out = o;
	return 0;
}

/* --- parameters --- */

static bool has_workflow(const struct app *a)
{
	return str_eq(a->mode, S("workflow")) || str_eq(a->mode, S("advanced-chat"));
}

static status published(struct call *c, struct workflow **out)
{
	*out = NULL;
	if (!c->app->workflow_id.len || !workflow_published(c->s->apps, c->mem, c->app, out))
		return 0;
	return err_code() == ERR_NOT_FOUND ? 0 : -1;
}

status app_features(struct call *c, const struct json **out)
{
	struct workflow *wf;
	*out = c->app->model_config;
	if (!has_workflow(c->app))
		return 0;
	if (published(c, &wf))
		return -1;
	*out = wf ? wf->features : NULL;
	return 0;
}

static struct json *switched_off(struct arena *mem)
{
	struct json *o = json_obj(mem);
	json_set_bool(mem, o, S("enabled"), false);
	return o;
}

static struct json *file_upload_default(struct arena *mem)
{
	struct json *o = json_obj(mem), *image = json_obj(mem), *methods = json_arr(mem);
	json_push_str(mem, methods, S("remote_url"));
	json_push_str(mem, methods, S("local_file"));
	json_set_bool(mem, image, S("enabled"), false);
	json_set_int(mem, image, S("number_limits"), 3);
	json_set_str(mem, image, S("detail"), S("high"));
	json_set(mem, image, S("transfer_methods"), methods);
	json_set(mem, o, S("image"), image);
	return o;
}

static struct json *moderation_default(struct arena *mem)
{
	struct json *o = switched_off(mem);
	json_set_str(mem, o, S("type"), S(""));
	json_set(mem, o, S("configs"), json_arr(mem));
	return o;
}

static struct json *system_parameters(struct call *c)
{
	static const struct {
		struct str name;
		enum config_key key;
	} rows[] = {
		{S_INIT("image_file_size_limit"),      CONFIG_UPLOAD_IMAGE_FILE_SIZE_LIMIT},
		{S_INIT("video_file_size_limit"),      CONFIG_UPLOAD_VIDEO_FILE_SIZE_LIMIT},
		{S_INIT("audio_file_size_limit"),      CONFIG_UPLOAD_AUDIO_FILE_SIZE_LIMIT},
		{S_INIT("file_size_limit"),            CONFIG_UPLOAD_FILE_SIZE_LIMIT      },
		{S_INIT("workflow_file_upload_limit"), CONFIG_WORKFLOW_FILE_UPLOAD_LIMIT  },
	};
	struct json *o = json_obj(c->mem);
	for (size_t i = 0; i < countof(rows); i++)
		json_set_int(c->mem, o, rows[i].name, config_int(c->s->config, rows[i].key));
	return o;
}

/* The start node's rows in the form of an easy app: each under the name of its type. */
static struct json *form_of_graph(struct call *c, const struct workflow *wf)
{
	struct json *form = json_arr(c->mem);
	json_each(json_get(wf->graph, S("nodes")), node) {
		const struct json *data = json_get(node, S("data"));
		if (!str_eq(json_get_str(data, S("type")), S("start")))
			continue;
		json_each(json_get(data, S("variables")), row) {
			struct json *item = json_obj(c->mem);
			json_set(c->mem, item, json_get_str(row, S("type")), row);
			json_push(c->mem, form, item);
		}
	}
	return form;
}

static void set_feature(struct arena *mem, struct json *o, const struct json *features,
			struct str name, const struct json *absent)
{
	const struct json *v = json_get(features, name);
	json_set(mem, o, name, v && v->type != JSON_NULL ? v : absent);
}

/* An old switch for images in a workflow's features stands for the newer rules. */
static struct json *upload_of_workflow(struct arena *mem, const struct json *upload)
{
	const struct json *image = json_get(upload, S("image"));
	if (!json_get_bool(image, S("enabled"), false))
		return NULL;
	struct json *o = json_copy(mem, upload), *types = json_arr(mem);
	json_push_str(mem, types, S("image"));
	json_remove(o, S("image"));
	json_set_bool(mem, o, S("enabled"), true);
	if (!json_get(o, S("allowed_file_types")))
		json_set(mem, o, S("allowed_file_types"), types);
	if (!json_get(o, S("allowed_file_extensions")))
		json_set(mem, o, S("allowed_file_extensions"), json_arr(mem));
	if (!json_get(o, S("allowed_file_upload_methods")))
		json_set(mem, o, S("allowed_file_upload_methods"),
			 json_get(image, S("transfer_methods")));
	if (!json_get(o, S("number_limits")))
		json_set(mem, o, S("number_limits"), json_get(image, S("number_limits")));
	return o;
}

status shape_parameters(struct call *c, struct json **out)
{
	struct arena *mem = c->mem;
	struct workflow *wf = NULL;
	if (has_workflow(c->app) && published(c, &wf))
		return -1;
	if (has_workflow(c->app) ? !wf : !c->app->model_config)
		return err_public(ERR_INVALID, "app_unavailable", 400,
				  "App unavailable, please check your app configurations.");
	const struct json *f = wf ? wf->features : c->app->model_config;
	struct json *o = json_obj(mem), *off = switched_off(mem);
	set_feature(mem, o, f, S("opening_statement"), NULL);
	set_feature(mem, o, f, S("suggested_questions"), json_arr(mem));
	set_feature(mem, o, f, S("suggested_questions_after_answer"), off);
	set_feature(mem, o, f, S("speech_to_text"), off);
	set_feature(mem, o, f, S("text_to_speech"), off);
	set_feature(mem, o, f, S("retriever_resource"), off);
	set_feature(mem, o, f, S("annotation_reply"), off);
	set_feature(mem, o, f, S("more_like_this"), off);
	if (wf)
		json_set(mem, o, S("user_input_form"), form_of_graph(c, wf));
	else
		set_feature(mem, o, f, S("user_input_form"), json_arr(mem));
	set_feature(mem, o, f, S("sensitive_word_avoidance"), moderation_default(mem));
	set_feature(mem, o, f, S("file_upload"), file_upload_default(mem));
	struct json *upload = wf ? upload_of_workflow(mem, json_get(f, S("file_upload"))) : NULL;
	if (upload)
		json_set(mem, o, S("file_upload"), upload);
	json_set(mem, o, S("system_parameters"), system_parameters(c));
	*out = o;
	return 0;
}

struct json *shape_meta(struct call *c)
{
	struct arena *mem = c->mem;
	struct json *icons = json_obj(mem), *o = json_obj(mem);
	struct str base = config_str(c->s->config, CONFIG_CONSOLE_API_URL);
	if (!base.len)
		base = c->s->public_url;
	json_each(json_path(c->app->model_config, "agent_mode.tools"), tool) {
		struct str provider = json_get_str(tool, S("provider_id"));
		struct str name = json_get_str(tool, S("tool_name"));
		if (str_eq(json_get_str(tool, S("provider_type")), S("builtin")) && provider.len &&
		    name.len)
			json_set_str(mem, icons, name,
				     arena_printf(mem,
						  "%.*s/console/api/workspaces/current/"
						  "tool-provider/builtin/%.*s/icon",
						  STR(base), STR(provider)));
	}
	json_set(mem, o, S("tool_icons"), icons);
	return o;
}
