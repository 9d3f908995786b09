/* SPDX-License-Identifier: Apache-2.0 */
/* invite: tokens for people who were added without a password; kept by the broker. */
#include "account/account_int.h"
#include "sql_account.h"

static struct str invite_name(struct arena *mem, struct str token)
{
	return arena_printf(mem, "invite:%.*s", STR(crypt_sha256_hex(mem, token)));
}

status invite_make(struct accounts *a, struct arena *mem, struct str tenant_id,
		   const struct account *who, struct str *token)
{
	if (!a->broker)
		return err_set(ERR_UNAVAILABLE, "invitations need the broker");
	struct str t = id_uuid(mem);
	struct json *v = json_obj(mem);
	json_set_str(mem, v, S("account_id"), who->id);
	json_set_str(mem, v, S("email"), who->email);
	json_set_str(mem, v, S("tenant_id"), tenant_id);
	if (value_set(a->broker, invite_name(mem, t), json_text(mem, v, JSON_COMPACT),
		      (int64_t)INVITE_HOURS * 3600000))
		return -1;
	*token = t;
	return 0;
}

status invite_get(struct accounts *a, struct arena *mem, struct str token, struct invite **out)
{
	struct str text = { 0 };
	struct json *v;
	if (!a->broker)
		return err_set(ERR_UNAVAILABLE, "invitations need the broker");
	if (value_get(a->broker, mem, invite_name(mem, token), &text))
		return -1;
	if (!text.at || json_parse(mem, text, &v))
		return err_set(ERR_NOT_FOUND, "Auth Token is invalid or account already activated, "
					      "please check again.");
	struct invite *i = arena_new(mem, struct invite);
	i->account_id = json_get_str(v, S("account_id"));
	i->email = json_get_str(v, S("email"));
	i->tenant_id = json_get_str(v, S("tenant_id"));
	*out = i;
	return 0;
}

status invite_accept(struct accounts *a, struct arena *mem, struct str token,
		     const struct account_new *in, struct str timezone, struct account **out)
{
	struct invite *i;
	struct str hash;
	if (password_rule(in->password) || invite_get(a, mem, token, &i) ||
	    password_make(mem, in->password, &hash))
		return -1;
	struct str language = language_or_default(in->language), none = { 0 };
	int64_t now = clock_ms();
	struct db_batch *b = db_batch_open(mem);
	/* Only the first password: a token that is still about must not replace a chosen one. */
	DB_ADD(b, &sql_account_account_first_password, 1, db_text(i->account_id), db_text(hash),
	       db_int(now));
	DB_ADD(b, &sql_account_account_update, 1, db_text(i->account_id),
	       db_text_or_null(in->name.len ? in->name : none), db_text(language), db_null(),
	       db_text(timezone.len ? timezone : language_timezone(language)), db_null(),
	       db_int(now));
	if (db_commit(a->db, b)) {
		if (err_code() == ERR_STALE)
			return err_set(ERR_NOT_FOUND, "Auth Token is invalid or account already "
						      "activated, please check again.");
		return -1;
	}
	if (value_remove(a->broker, invite_name(mem, token)))
		return -1;
	return account_get(a, mem, i->account_id, out);
}
