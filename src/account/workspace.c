/* SPDX-License-Identifier: Apache-2.0 */
/* workspace: the tenants a person belongs to. */
#include "account/account_int.h"
#include "sql_account.h"

static void tenant_from_row(const struct db_rows *r, size_t i, struct workspace *t)
{
	t->id = db_str_at(r, i, 0);
	t->name = db_str_at(r, i, 1);
	t->plan = db_str_at(r, i, 2);
	t->status = db_str_at(r, i, 3);
	t->created_ms = db_int_at(r, i, 4);
	if (role_parse(db_str_at(r, i, 5), &t->role))
		t->role = ROLE_NONE;
	t->current = db_int_at(r, i, 6) != 0;
}

status tenant_first(struct accounts *a, struct arena *mem, struct str *tenant_id)
{
	struct db_rows *rows;
	if (db_read(a->db, mem, &sql_account_tenant_first, NULL, 0, &rows))
		return -1;
	if (!rows->count)
		return err_set(ERR_NOT_FOUND, "there is no workspace yet: open the console in a "
					      "browser, or run `tatara setup`");
	*tenant_id = db_str_at(rows, 0, 0);
	return 0;
}

status workspace_list(struct accounts *a, struct arena *mem, struct str account_id,
		   struct workspace **out, size_t *n)
{
	struct db_rows *rows;
	if (DB_READ(a->db, mem, &sql_account_tenant_list, &rows, db_text(account_id)))
		return -1;
	struct workspace *list = arena_array(mem, struct workspace, rows->count);
	for (size_t i = 0; i < rows->count; i++)
		tenant_from_row(rows, i, &list[i]);
	*out = list;
	*n = rows->count;
	return 0;
}

status workspace_get(struct accounts *a, struct arena *mem, struct str tenant_id,
		  struct str account_id, struct workspace **out)
{
	struct db_rows *rows;
	if (DB_READ(a->db, mem, &sql_account_tenant_get, &rows, db_text(tenant_id),
		    db_text(account_id)))
		return -1;
	if (!rows->count)
		return err_set(ERR_NOT_FOUND, "no such workspace");
	*out = arena_new(mem, struct workspace);
	tenant_from_row(rows, 0, *out);
	return 0;
}

status workspace_rename(struct accounts *a, struct str tenant_id, struct str name)
{
	AUTO(arena) mem = { arena_open(0) };
	if (!name.len || utf8_count(name) > 100)
		return err_set(ERR_INVALID, "the name of a workspace has 1 to 100 characters");
	return DB_WRITE(a->db, mem.p, &sql_account_tenant_rename, 1, NULL, db_text(tenant_id),
			db_text(name), db_int(clock_ms()));
}

status workspace_switch(struct accounts *a, struct str tenant_id, struct str account_id)
{
	AUTO(arena) mem = { arena_open(0) };
	struct db_batch *b = db_batch_open(mem.p);
	DB_ADD(b, &sql_account_tenant_leave, DB_ANY, db_text(account_id));
	DB_ADD(b, &sql_account_tenant_enter, 1, db_text(tenant_id), db_text(account_id));
	if (db_commit(a->db, b))
		return err_code() == ERR_STALE ? err_set(ERR_NOT_FOUND, "no such workspace") : -1;
	return 0;
}
