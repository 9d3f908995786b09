/* SPDX-License-Identifier: Apache-2.0 */
/* workspace: workspaces of the person, members of the current one. */
#include "api/console/console.h"

#include "base/buf.h"
#include "base/enc.h"

status console_workspaces(struct call *c)
{
	struct workspace *list;
	size_t n;
	if (workspace_list(c->s->accounts, c->mem, c->account->id, &list, &n))
		return -1;
	struct json *o = json_obj(c->mem);
	struct json *rows = json_set(c->mem, o, S("workspaces"), json_arr(c->mem));
	for (size_t i = 0; i < n; i++) {
		struct json *w = json_obj(c->mem);
		json_set_str(c->mem, w, S("id"), list[i].id);
		json_set_str(c->mem, w, S("name"), list[i].name);
		json_set_str(c->mem, w, S("plan"), S("sandbox"));
		json_set_str(c->mem, w, S("status"), list[i].status);
		put_time(c->mem, w, S("created_at"), list[i].created_ms);
		json_set_bool(c->mem, w, S("current"), list[i].current);
		json_push(c->mem, rows, w);
	}
	return reply_json(c, 200, o);
}

static status current_json(struct call *c, struct str id, struct json **out)
{
	struct workspace *w;
	static const struct str nothing[] = { S_INIT("in_trial"), S_INIT("trial_end_reason"),
					      S_INIT("custom_config"), S_INIT("trial_credits"),
					      S_INIT("trial_credits_used"),
					      S_INIT("next_credit_reset_date") };
	if (workspace_get(c->s->accounts, c->mem, id, c->account->id, &w))
		return -1;
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("id"), w->id);
	json_set_str(c->mem, o, S("name"), w->name);
	json_set_str(c->mem, o, S("plan"), w->plan);
	json_set_str(c->mem, o, S("status"), w->status);
	put_time(c->mem, o, S("created_at"), w->created_ms);
	json_set_str(c->mem, o, S("role"), role_name(w->role));
	for (size_t i = 0; i < countof(nothing); i++)
		json_set_null(c->mem, o, nothing[i]);
	*out = o;
	return 0;
}

status console_workspace_current(struct call *c)
{
	struct json *o;
	return current_json(c, c->account->tenant_id, &o) ? -1 : reply_json(c, 200, o);
}

static status reply_workspace(struct call *c, struct str id, const char *member)
{
	struct json *o = json_obj(c->mem), *w;
	if (current_json(c, id, &w))
		return -1;
	json_set_str(c->mem, o, S("result"), S("success"));
	json_set(c->mem, o, str_c(member), w);
	return reply_json(c, 200, o);
}

status console_workspace_info(struct call *c)
{
	struct str name;
	if (call_body(c) || need_text(c, S("name"), 1, 100, &name) ||
	    workspace_rename(c->s->accounts, c->account->tenant_id, name))
		return -1;
	return reply_workspace(c, c->account->tenant_id, "tenant");
}

status console_workspace_switch(struct call *c)
{
	struct str id;
	if (call_body(c) || need_text(c, S("tenant_id"), 1, 64, &id))
		return -1;
	if (workspace_switch(c->s->accounts, id, c->account->id))
		return err_code() == ERR_NOT_FOUND
			       ? err_public(ERR_INVALID, "account_not_link_tenant", 400,
					    "Account not link tenant.")
			       : -1;
	return reply_workspace(c, id, "new_tenant");
}

static struct json *member_json(struct call *c, const struct account *a)
{
	struct json *o = json_obj(c->mem);
	put_text(c->mem, o, S("avatar"), a->avatar);
	json_set_str(c->mem, o, S("id"), a->id);
	json_set_str(c->mem, o, S("name"), a->name);
	json_set_str(c->mem, o, S("email"), a->email);
	put_time(c->mem, o, S("last_login_at"), a->last_login_ms);
	put_time(c->mem, o, S("last_active_at"), a->last_active_ms);
	put_time(c->mem, o, S("created_at"), a->created_ms);
	json_set_str(c->mem, o, S("role"), role_name(a->role));
	json_set_str(c->mem, o, S("status"), a->status);
	put_text(c->mem, o, S("avatar_url"), a->avatar);
	return o;
}

static status reply_members(struct call *c, bool operators_only)
{
	struct account *list;
	size_t n;
	if (account_list(c->s->accounts, c->mem, c->account->tenant_id, &list, &n))
		return -1;
	struct json *o = json_obj(c->mem);
	struct json *rows = json_set(c->mem, o, S("accounts"), json_arr(c->mem));
	for (size_t i = 0; i < n; i++)
		if (!operators_only || list[i].role == ROLE_DATASET_OPERATOR)
			json_push(c->mem, rows, member_json(c, &list[i]));
	return reply_json(c, 200, o);
}

status console_members(struct call *c)
{
	return reply_members(c, false);
}

status console_operators(struct call *c)
{
	return reply_members(c, true);
}

static status invite_one(struct call *c, struct str email, const struct account_new *base,
			 struct json *row)
{
	struct account_new n = *base;
	struct account *made;
	struct workspace *known;
	size_t n_known;
	struct str token, url;
	n.email = email;
	if (account_create(c->s->accounts, c->mem, c->account->tenant_id, &n, &made)) {
		if (err_code() != ERR_INVALID && err_code() != ERR_CONFLICT)
			return -1;
		json_set_str(c->mem, row, S("status"), S("failed"));
		json_set_str(c->mem, row, S("email"), email);
		json_set_str(c->mem, row, S("message"), arena_str(c->mem, err_text()));
		return 0;
	}
	url = arena_printf(c->mem, "%.*s/signin", STR(web_url(c)));
	if (workspace_list(c->s->accounts, c->mem, made->id, &known, &n_known))
		return -1;
	/* Whoever waits for another workspace too has its token: this one must not open that. */
	if (!made->has_password && n_known == 1) {
		struct buf b = buf_make(c->mem, 0);
		enc_percent(&b, made->email, "");
		if (invite_make(c->s->accounts, c->mem, c->account->tenant_id, made, &token))
			return -1;
		url = arena_printf(c->mem, "%.*s/activate?email=%.*s&token=%.*s", STR(web_url(c)),
				   STR(buf_str(&b)), STR(token));
	}
	json_set_str(c->mem, row, S("status"), S("success"));
	json_set_str(c->mem, row, S("email"), made->email);
	json_set_str(c->mem, row, S("url"), url);
	return 0;
}

static status invalid_role(struct call *c)
{
	return reply_pair(c, 400, "code", "invalid-role", "message", S("Invalid role"));
}

status console_invite(struct call *c)
{
	struct account_new base = { 0 };
	struct str role;
	if (call_body(c) || need_text(c, S("role"), 1, 40, &role) || role_parse(role, &base.role) ||
	    take_text(c, S("language"), 16, &base.language))
		return -1;
	const struct json *emails = json_get(c->body, S("emails"));
	if (!json_is(emails, JSON_ARR) || !json_len(emails) || json_len(emails) > 100)
		return err_set(ERR_INVALID, "emails: must be a list of 1 to 100 addresses");
	if (base.role == ROLE_OWNER)
		return invalid_role(c);
	struct json *o = json_obj(c->mem), *results = json_arr(c->mem);
	json_each(emails, it) {
		struct json *row = json_obj(c->mem);
		if (invite_one(c, json_as_str(it, S("")), &base, row))
			return -1;
		json_push(c->mem, results, row);
	}
	json_set_str(c->mem, o, S("result"), S("success"));
	json_set(c->mem, o, S("invitation_results"), results);
	json_set_str(c->mem, o, S("tenant_id"), c->account->tenant_id);
	return reply_json(c, 201, o);
}

status console_member_role(struct call *c)
{
	struct str text;
	enum role role;
	if (call_body(c) || need_text(c, S("role"), 1, 40, &text))
		return -1;
	if (role_parse(text, &role))
		return invalid_role(c);
	/* Only the owner may hand the workspace on. */
	if (role == ROLE_OWNER && c->account->role != ROLE_OWNER)
		return err_set(ERR_DENIED, "Only the owner may name another owner.");
	if (account_set_role(c->s->accounts, c->account->tenant_id, c->param[0], role))
		return err_code() == ERR_NOT_FOUND ? reply_pair(c, 404, "code", "member-not-found",
								"message",
								S("Member not in tenant."))
						   : -1;
	return reply_ok(c);
}

status console_member_remove(struct call *c)
{
	if (str_eq(c->param[0], c->account->id))
		return reply_pair(c, 400, "code", "cannot-operate-self", "message",
				  S("Cannot operate self"));
	if (account_remove(c->s->accounts, c->account->tenant_id, c->param[0]))
		return err_code() == ERR_NOT_FOUND ? reply_pair(c, 404, "code", "member-not-found",
								"message",
								S("Member not in tenant."))
						   : -1;
	return reply_pair(c, 200, "result", "success", "tenant_id", c->account->tenant_id);
}
