/* SPDX-License-Identifier: Apache-2.0 */
/* people: accounts and their membership in a workspace. */
#include "account/account_int.h"
#include "sql_account.h"

/* account_columns: the order in account_get.sql and its siblings. */
struct account *account_from_row(struct arena *mem, const struct db_rows *r, size_t i)
{
	struct account *a = arena_new(mem, struct account);
	a->id = db_str_at(r, i, 0);
	a->name = db_str_at(r, i, 1);
	a->email = db_str_at(r, i, 2);
	a->avatar = db_str_at(r, i, 3);
	a->interface_language = db_str_at(r, i, 4);
	a->interface_theme = db_str_at(r, i, 5);
	a->timezone = db_str_at(r, i, 6);
	a->status = db_str_at(r, i, 7);
	a->has_password = db_int_at(r, i, 8) != 0;
	a->created_ms = db_int_at(r, i, 9);
	a->last_login_ms = db_int_at(r, i, 10);
	a->last_login_ip = db_str_at(r, i, 11);
	a->last_active_ms = db_int_at(r, i, 12);
	a->initialized_ms = db_int_at(r, i, 13);
	a->tenant_id = db_str_at(r, i, 14);
	a->tenant_name = db_str_at(r, i, 15);
	struct str role = db_str_at(r, i, 16);
	if (role.len && role_parse(role, &a->role))
		a->role = ROLE_NONE;
	return a;
}

static status one(struct accounts *a, struct arena *mem, const struct sql *sql,
		  const struct db_value *params, size_t n, const char *what, struct account **out)
{
	struct db_rows *rows;
	if (db_read(a->db, mem, sql, params, n, &rows))
		return -1;
	if (!rows->count)
		return err_set(ERR_NOT_FOUND, "%s", what);
	*out = account_from_row(mem, rows, 0);
	return 0;
}

status account_get(struct accounts *a, struct arena *mem, struct str id, struct account **out)
{
	return one(a, mem, &sql_account_account_get, &(struct db_value){ .type = DB_TEXT, .text = id },
		   1, "no such account", out);
}

status account_by_email(struct accounts *a, struct arena *mem, struct str email,
			struct account **out)
{
	struct db_value p = db_text(email_normal(mem, email));
	return one(a, mem, &sql_account_account_by_email, &p, 1,
		   "no account with this e-mail address", out);
}

status account_owner(struct accounts *a, struct arena *mem, struct str tenant_id,
		     struct account **out)
{
	struct db_value p = db_text(tenant_id);
	if (one(a, mem, &sql_account_account_owner, &p, 1, "", out))
		return err_code() == ERR_NOT_FOUND
			       ? err_set(ERR_UNAUTHORIZED, "Invalid workspace for the admin key.")
			       : -1;
	return 0;
}

status account_of_tenant(struct accounts *a, struct arena *mem, struct str tenant_id,
			 struct str account_id, struct account **out)
{
	const struct db_value p[] = { db_text(tenant_id), db_text(account_id) };
	return one(a, mem, &sql_account_account_of_tenant, p, 2, "Member not in tenant.", out);
}

status account_name_of(struct accounts *a, struct arena *mem, struct str id, struct str *name,
		       struct str *email)
{
	const struct db_rows *rows = recent_get(a->names, mem, id);
	if (!rows) {
		uint64_t epoch = recent_epoch(a->names);
		AUTO(arena) own = { arena_open(512) };
		struct db_rows *read;
		if (DB_READ(a->db, own.p, &sql_account_account_names, &read, db_text(id)))
			return -1;
		recent_put(a->names, mem, id, epoch, take(own.p), read);
		rows = read;
	}
	*name = db_str_at(rows, 0, 0);
	*email = db_str_at(rows, 0, 1);
	return 0;
}

status account_list(struct accounts *a, struct arena *mem, struct str tenant_id,
		    struct account **out, size_t *n)
{
	struct db_rows *rows;
	if (DB_READ(a->db, mem, &sql_account_account_list, &rows, db_text(tenant_id)))
		return -1;
	struct account *list = arena_array(mem, struct account, rows->count);
	for (size_t i = 0; i < rows->count; i++)
		list[i] = *account_from_row(mem, rows, i);
	*out = list;
	*n = rows->count;
	return 0;
}

/* A known person joins, an unknown one is made; which of both is decided by the address. */
status account_create(struct accounts *a, struct arena *mem, struct str tenant_id,
		      const struct account_new *in, struct account **out)
{
	if (!email_valid(in->email))
		return err_set(ERR_INVALID, "%.*s is not a valid email.", STR(in->email));
	if (in->role <= ROLE_NONE || in->role >= ROLE_OWNER)
		return err_set(ERR_INVALID, "Invalid role");
	struct str email = email_normal(mem, in->email), id, hash = { 0 };
	struct str name = in->name.len ? in->name
				       : str_sub(email, 0, str_find_char(email, '@'));
	struct account *there = NULL;
	if (in->password.len &&
	    (password_rule(in->password) || password_make(mem, in->password, &hash)))
		return -1;
	if (account_by_email(a, mem, email, &there) && err_code() != ERR_NOT_FOUND)
		return -1;
	int64_t now = clock_ms();
	struct db_batch *b = db_batch_open(mem);
	if (there) {
		id = there->id;
	} else {
		struct str language = language_or_default(in->language);
		id = id_uuid(mem);
		DB_ADD(b, &sql_account_account_add, 1, db_text(id), db_text(email), db_text(name),
		       db_text_or_null(hash), db_text(language),
		       db_text(language_timezone(language)),
		       db_text(hash.len ? S("active") : S("pending")), db_int(now),
		       hash.len ? db_int(now) : db_null());
	}
	DB_ADD(b, &sql_account_member_add, 1, db_text(tenant_id), db_text(id),
	       db_text(role_name(in->role)), db_int(now));
	if (db_commit(a->db, b)) {
		if (err_code() == ERR_CONFLICT)
			return err_set(ERR_CONFLICT, "Account already in tenant.");
		return -1;
	}
	return account_of_tenant(a, mem, tenant_id, id, out);
}

status account_set_password(struct accounts *a, struct arena *mem, struct str account_id,
			    struct str password)
{
	struct str hash;
	if (password_rule(password) || password_make(mem, password, &hash))
		return -1;
	struct db_batch *b = db_batch_open(mem);
	DB_ADD(b, &sql_account_account_set_password, 1, db_text(account_id), db_text(hash),
	       db_int(clock_ms()));
	DB_ADD(b, &sql_account_session_remove_all, DB_ANY, db_text(account_id));
	if (db_commit(a->db, b))
		return err_code() == ERR_STALE ? err_set(ERR_NOT_FOUND, "no such account") : -1;
	return 0;
}

status account_set_role(struct accounts *a, struct str tenant_id, struct str account_id,
			enum role role)
{
	AUTO(arena) mem = { arena_open(0) };
	struct account *who;
	if (role == ROLE_NONE)
		return err_set(ERR_INVALID, "Invalid role");
	if (account_of_tenant(a, mem.p, tenant_id, account_id, &who))
		return -1;
	if (who->role == role)
		return 0;
	if (who->role == ROLE_OWNER)
		return err_set(ERR_DENIED, "The owner keeps the role until another member is made "
					   "the owner.");
	struct db_batch *b = db_batch_open(mem.p);
	if (role == ROLE_OWNER)
		DB_ADD(b, &sql_account_member_demote_owner, DB_ANY, db_text(tenant_id));
	DB_ADD(b, &sql_account_member_role, 1, db_text(tenant_id), db_text(account_id),
	       db_text(role_name(role)));
	return db_commit(a->db, b);
}

status account_remove(struct accounts *a, struct str tenant_id, struct str account_id)
{
	AUTO(arena) mem = { arena_open(0) };
	struct account *who;
	if (account_of_tenant(a, mem.p, tenant_id, account_id, &who))
		return -1;
	if (who->role == ROLE_OWNER)
		return err_set(ERR_DENIED, "The owner of a workspace cannot be removed.");
	struct db_batch *b = db_batch_open(mem.p);
	DB_ADD(b, &sql_account_member_remove, 1, db_text(tenant_id), db_text(account_id));
	DB_ADD(b, &sql_account_session_remove_all, DB_ANY, db_text(account_id));
	DB_ADD(b, &sql_account_member_settle, DB_ANY, db_text(account_id));
	DB_ADD(b, &sql_account_account_drop_lonely, DB_ANY, db_text(account_id));
	status st = db_commit(a->db, b);
	recent_drop(a->names, account_id);
	return st;
}

status account_update(struct accounts *a, const struct account *in)
{
	AUTO(arena) mem = { arena_open(0) };
	if (DB_WRITE(a->db, mem.p, &sql_account_account_update, 1, NULL, db_text(in->id),
		     db_text_or_null(in->name), db_text_or_null(in->interface_language),
		     db_text_or_null(in->interface_theme), db_text_or_null(in->timezone),
		     db_text_or_null(in->avatar), db_int(clock_ms())))
		return err_code() == ERR_STALE ? err_set(ERR_NOT_FOUND, "no such account") : -1;
	recent_drop(a->names, in->id);
	return 0;
}
