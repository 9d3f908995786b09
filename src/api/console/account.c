/* SPDX-License-Identifier: Apache-2.0 */
/* account: the signed-in person's own settings. */
#include "api/console/console.h"

static status reply_profile(struct call *c)
{
	struct account *a;
	struct json *o = json_obj(c->mem);
	if (account_get(c->s->accounts, c->mem, c->account->id, &a))
		return -1;
	put_text(c->mem, o, S("avatar"), a->avatar);
	json_set_str(c->mem, o, S("id"), a->id);
	json_set_str(c->mem, o, S("name"), a->name);
	json_set_str(c->mem, o, S("email"), a->email);
	json_set_bool(c->mem, o, S("is_password_set"), a->has_password);
	json_set_str(c->mem, o, S("interface_language"), a->interface_language);
	json_set_str(c->mem, o, S("interface_theme"), a->interface_theme);
	json_set_str(c->mem, o, S("timezone"), a->timezone);
	put_time(c->mem, o, S("last_login_at"), a->last_login_ms);
	put_text(c->mem, o, S("last_login_ip"), a->last_login_ip);
	put_time(c->mem, o, S("created_at"), a->created_ms);
	put_text(c->mem, o, S("avatar_url"), a->avatar);
	return reply_json(c, 200, o);
}

status console_profile(struct call *c)
{
	return reply_profile(c);
}

static status save(struct call *c, const struct account *change)
{
	return account_update(c->s->accounts, change) ? -1 : reply_profile(c);
}

status console_account_name(struct call *c)
{
	struct account a = { .id = c->account->id };
	if (call_body(c) || need_text(c, S("name"), 3, 30, &a.name))
		return -1;
	return save(c, &a);
}

status console_account_language(struct call *c)
{
	struct account a = { .id = c->account->id };
	if (call_body(c) || need_text(c, S("interface_language"), 1, 16, &a.interface_language))
		return -1;
	if (!language_valid(a.interface_language))
		return err_set(ERR_INVALID, "interface_language: %.*s is not a valid language.",
			       STR(a.interface_language));
	return save(c, &a);
}

status console_account_theme(struct call *c)
{
	struct account a = { .id = c->account->id };
	if (call_body(c) || need_text(c, S("interface_theme"), 1, 16, &a.interface_theme))
		return -1;
	if (!str_eq(a.interface_theme, S("light")) && !str_eq(a.interface_theme, S("dark")) &&
	    !str_eq(a.interface_theme, S("system")))
		return err_set(ERR_INVALID, "interface_theme: Input should be 'light', 'dark' or "
					    "'system'");
	return save(c, &a);
}

status console_account_timezone(struct call *c)
{
	struct account a = { .id = c->account->id };
	if (call_body(c) || need_text(c, S("timezone"), 1, 64, &a.timezone))
		return -1;
	if (!timezone_valid(a.timezone))
		return err_set(ERR_INVALID, "timezone: %.*s is not a valid timezone.",
			       STR(a.timezone));
	return save(c, &a);
}

status console_account_password(struct call *c)
{
	struct str old = S(""), fresh, again;
	struct tokens t;
	if (call_body(c) || take_text(c, S("password"), 1000, &old) ||
	    need_text(c, S("new_password"), 1, 256, &fresh) ||
	    need_text(c, S("repeat_new_password"), 1, 256, &again))
		return -1;
	if (!str_eq(fresh, again))
		return err_public(ERR_INVALID, "repeat_password_not_match", 400,
				  "New password and repeat password does not match.");
	if (c->account->has_password &&
	    account_check_password(c->s->accounts, c->mem, c->account->id, old))
		return err_code() == ERR_DENIED
			       ? err_public(ERR_INVALID, "current_password_incorrect", 400,
					    "Current password is incorrect.")
			       : -1;
	/* All sessions end with the old password; this browser gets a new one. */
	if (account_set_password(c->s->accounts, c->mem, c->account->id, fresh) ||
	    session_open(c->s->accounts, c->mem, c->account, &t))
		return -1;
	session_cookies(c, &t, false);
	return reply_ok(c);
}
