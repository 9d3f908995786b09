/* SPDX-License-Identifier: Apache-2.0 */
/* setup: first set-up, its guard password, and what the server can do. Own error frame. */
#include "api/console/console.h"
#include "app/starter.h"
#include "base/log.h"

#include "base/clock.h"
#include "base/config.h"
#include "base/crypt.h"

static status frame_error(struct call *c, int code, const char *type, const char *message,
			  bool details)
{
	struct json *o = json_obj(c->mem), *e = json_set(c->mem, o, S("error"), json_obj(c->mem));
	json_set_str(c->mem, e, S("type"), str_c(type));
	json_set_str(c->mem, e, S("message"), str_c(message));
	json_set_int(c->mem, e, S("status"), code);
	if (details)
		json_set_str(c->mem, e, S("details"), str_c(message));
	return reply_plain(c, code, o);
}

static status bad_payload(struct call *c)
{
	return frame_error(c, 422, "validation_error", "Validation error for parameter 'payload'",
			   true);
}

static status plain_result(struct call *c, int code, const char *name, const char *value)
{
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, str_c(name), str_c(value));
	return reply_plain(c, code, o);
}

status console_setup_get(struct call *c)
{
	bool done;
	int64_t at;
	if (setup_done(c->s->accounts, &done, &at))
		return -1;
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("step"), done ? S("finished") : S("not_started"));
	/* Without the zone, as it has always been. */
	struct str iso = clock_iso(c->mem, at);
	json_set_str_or_null(c->mem, o, S("setup_at"),
			     done ? str_sub(iso, 0, iso.len - 1) : (struct str){ 0 });
	return reply_plain(c, 200, o);
}

static bool init_validated(struct call *c)
{
	struct str text;
	struct json *claims;
	if (!config_str(c->s->config, CONFIG_INIT_PASSWORD).len)
		return true;
	return jwt_open(c->mem, c->s->secret, http_cookie(c->http, S("session")), &text) == 0 &&
	       json_parse(c->mem, text, &claims) == 0 &&
	       json_get_bool(claims, S("is_init_validated"), false);
}

status console_setup_post(struct call *c)
{
	struct str email, name, password, language = S("");
	struct account *made;
	bool done;
	int64_t at;
	if (setup_done(c->s->accounts, &done, &at))
		return -1;
	if (done)
		return frame_error(c, 403, "authorization_error", "Forbidden", false);
	if (!init_validated(c))
		return frame_error(c, 401, "authentication_error", "Unauthorized", false);
	if (call_body(c) || need_text(c, S("email"), 1, 254, &email) ||
	    need_text(c, S("name"), 1, 30, &name) || need_text(c, S("password"), 1, 256, &password) ||
	    take_text(c, S("language"), 16, &language) || !email_valid(email) ||
	    password_rule(password))
		return bad_payload(c);
	if (setup_create(c->s->accounts, c->mem, email, name, password, language, c->http->peer,
			 &made)) {
		if (err_code() == ERR_DENIED)
			return frame_error(c, 403, "authorization_error", "Forbidden", false);
		return err_code() == ERR_INVALID ? bad_payload(c) : -1;
	}
	/* The account exists: a starter app that cannot be made must not undo that. */
	struct app *starter;
	if (starter_create(c->s->apps, c->mem, made->tenant_id, made->id, &starter))
		log_err(LOG_WARN, "starter app");
	return plain_result(c, 201, "result", "success");
}

status console_init_get(struct call *c)
{
	bool done;
	int64_t at;
	if (setup_done(c->s->accounts, &done, &at))
		return -1;
	return plain_result(c, 200, "status",
			    done || init_validated(c) ? "finished" : "not_started");
}

status console_init_post(struct call *c)
{
	struct str given, wanted = config_str(c->s->config, CONFIG_INIT_PASSWORD);
	bool done;
	int64_t at;
	if (setup_done(c->s->accounts, &done, &at))
		return -1;
	if (done)
		return frame_error(c, 403, "authorization_error", "Forbidden", false);
	if (call_body(c) || need_text(c, S("password"), 0, 30, &given))
		return bad_payload(c);
	if (!wanted.len || !str_eq_secret(given, wanted))
		return frame_error(c, 401, "authentication_error", "Unauthorized", false);
	struct json *claims = json_obj(c->mem);
	json_set_bool(c->mem, claims, S("is_init_validated"), true);
	json_set_int(c->mem, claims, S("exp"), clock_s() + 3600);
	struct str token = jwt_sign(c->mem, c->s->secret, json_text(c->mem, claims, JSON_COMPACT));
	http_add_header(c->http, S("Set-Cookie"),
			arena_printf(c->mem, "session=%.*s; HttpOnly; Path=/", STR(token)));
	return plain_result(c, 201, "result", "success");
}

status console_ping(struct call *c)
{
	return plain_result(c, 200, "result", "pong");
}

status console_version(struct call *c)
{
	struct json *o = json_obj(c->mem), *f;
	json_set_str(c->mem, o, S("version"), S(API_COMPATIBLE_VERSION));
	json_set_str(c->mem, o, S("release_date"), S(""));
	json_set_str(c->mem, o, S("release_notes"), S(""));
	json_set_bool(c->mem, o, S("can_auto_update"), false);
	f = json_set(c->mem, o, S("features"), json_obj(c->mem));
	json_set_bool(c->mem, f, S("can_replace_logo"),
		      config_bool(c->s->config, CONFIG_CAN_REPLACE_LOGO));
	json_set_bool(c->mem, f, S("model_load_balancing_enabled"),
		      config_bool(c->s->config, CONFIG_MODEL_LB_ENABLED));
	return reply_plain(c, 200, o);
}

status console_features(struct call *c)
{
	struct json *o;
	if (json_parse(c->mem,
		       S("{\"billing\":{\"enabled\":false,\"subscription\":{\"plan\":\"sandbox\","
			 "\"interval\":\"\"}},\"education\":{\"enabled\":false,\"activated\":false},"
			 "\"members\":{\"size\":0,\"limit\":1},\"apps\":{\"size\":0,\"limit\":10},"
			 "\"vector_space\":{\"size\":0,\"limit\":5},\"knowledge_rate_limit\":10,"
			 "\"annotation_quota_limit\":{\"size\":0,\"limit\":10},"
			 "\"documents_upload_quota\":{\"size\":0,\"limit\":50},"
			 "\"docs_processing\":\"standard\",\"can_replace_logo\":false,"
			 "\"model_load_balancing_enabled\":false,\"dataset_operator_enabled\":false,"
			 "\"webapp_copyright_enabled\":false,"
			 "\"workspace_members\":{\"enabled\":false,\"size\":0,\"limit\":0},"
			 "\"is_allow_transfer_workspace\":true,"
			 "\"trigger_event\":{\"usage\":0,\"limit\":3000,\"reset_date\":0},"
			 "\"api_rate_limit\":{\"usage\":0,\"limit\":5000,\"reset_date\":0},"
			 "\"knowledge_pipeline\":{\"publish_enabled\":false},"
			 "\"next_credit_reset_date\":0}"),
		       &o))
		return -1;
	json_set_bool(c->mem, o, S("can_replace_logo"),
		      config_bool(c->s->config, CONFIG_CAN_REPLACE_LOGO));
	json_set_bool(c->mem, o, S("dataset_operator_enabled"),
		      config_bool(c->s->config, CONFIG_DATASET_OPERATOR_ENABLED));
	return reply_json(c, 200, o);
}

status console_system_features(struct call *c)
{
	static const struct {
		struct str name;
		enum config_key key;
	} flags[] = {
		{ S_INIT("enable_email_password_login"), CONFIG_ENABLE_EMAIL_PASSWORD_LOGIN },
		{ S_INIT("is_allow_register"), CONFIG_ALLOW_REGISTER },
		{ S_INIT("is_allow_create_workspace"), CONFIG_ALLOW_CREATE_WORKSPACE },
	};
	struct json *o;
	if (json_parse(c->mem,
		       S("{\"sso_enforced_for_signin\":false,\"sso_enforced_for_signin_protocol\":\"\","
			 "\"enable_marketplace\":false,\"max_plugin_package_size\":52428800,"
			 "\"enable_email_code_login\":false,\"enable_email_password_login\":true,"
			 "\"enable_social_oauth_login\":false,\"is_allow_register\":false,"
			 "\"is_allow_create_workspace\":false,\"is_email_setup\":false,"
			 "\"license\":{\"status\":\"none\",\"expired_at\":\"\",\"workspaces\":"
			 "{\"enabled\":false,\"size\":0,\"limit\":0}},\"branding\":{\"enabled\":false,"
			 "\"application_title\":\"\",\"login_page_logo\":\"\",\"workspace_logo\":\"\","
			 "\"favicon\":\"\"},\"webapp_auth\":{\"enabled\":false,\"allow_sso\":false,"
			 "\"sso_config\":{\"protocol\":\"\"},\"allow_email_code_login\":false,"
			 "\"allow_email_password_login\":false},\"plugin_installation_permission\":"
			 "{\"plugin_installation_scope\":\"all\",\"restrict_to_marketplace_only\":false},"
			 "\"enable_change_email\":true,\"plugin_manager\":{\"enabled\":false},"
			 "\"trial_models\":[],\"enable_trial_app\":false,"
			 "\"enable_explore_banner\":false}"),
		       &o))
		return -1;
	for (size_t i = 0; i < countof(flags); i++)
		json_set_bool(c->mem, o, flags[i].name, config_bool(c->s->config, flags[i].key));
	return reply_json(c, 200, o);
}
