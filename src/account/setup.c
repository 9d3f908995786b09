/* SPDX-License-Identifier: Apache-2.0 */
/* setup: the first account, once. */
#include "account/account_int.h"
#include "sql_account.h"

status setup_done(struct accounts *a, bool *done, int64_t *at_ms)
{
	AUTO(arena) mem = { arena_open(0) };
	struct db_rows *rows;
	if (db_read(a->db, mem.p, &sql_account_setup_get, NULL, 0, &rows))
		return -1;
	*done = rows->count > 0;
	*at_ms = db_int_at(rows, 0, 0);
	return 0;
}

status setup_create(struct accounts *a, struct arena *mem, struct str email, struct str name,
		    struct str password, struct str language, struct str ip, struct account **out)
{
	bool done;
	int64_t at;
	if (setup_done(a, &done, &at))
		return -1;
	if (done)
		return err_set(ERR_DENIED, "Set-up is already done; sign in, or use `tatara user`.");
	if (!email_valid(email))
		return err_set(ERR_INVALID, "%.*s is not a valid email.", STR(email));
	if (!name.len || utf8_count(name) > 30)
		return err_set(ERR_INVALID, "name must have 1 to 30 characters");
	struct str hash;
	if (password_rule(password) || password_make(mem, password, &hash))
		return -1;
	int64_t now = clock_ms();
	struct str tenant = id_uuid(mem), account = id_uuid(mem);
	language = language_or_default(language);
	struct db_batch *b = db_batch_open(mem);
	DB_ADD(b, &sql_account_setup_add, 1, db_text(S("1.12.1")), db_int(now));
	DB_ADD(b, &sql_account_tenant_add, 1, db_text(tenant),
	       db_text(arena_printf(mem, "%.*s's Workspace", STR(name))), db_int(now));
	DB_ADD(b, &sql_account_account_add, 1, db_text(account), db_text(email_normal(mem, email)),
	       db_text(name), db_text(hash), db_text(language), db_text(language_timezone(language)),
	       db_text(S("active")), db_int(now), db_int(now));
	DB_ADD(b, &sql_account_account_signed_in, 1, db_text(account), db_int(now), db_text(ip));
	DB_ADD(b, &sql_account_member_add, 1, db_text(tenant), db_text(account), db_text(S("owner")),
	       db_int(now));
	if (db_commit(a->db, b)) {
		if (err_code() == ERR_CONFLICT || err_code() == ERR_STALE)
			return err_set(ERR_DENIED, "Set-up is already done; sign in, or use `tatara "
						   "user`.");
		return -1;
	}
	return account_get(a, mem, account, out);
}
