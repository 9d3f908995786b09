/* SPDX-License-Identifier: Apache-2.0 */
/* enduser: whom an app serves, by the session text its caller sends. Kept in memory for a while. */
#include "account/account_int.h"
#include "sql_account.h"

static void user_from_row(struct end_user *u, const struct db_rows *r, struct str tenant_id,
			  struct str app_id)
{
	u->id = db_str_at(r, 0, 0);
	u->session_id = db_str_at(r, 0, 1);
	u->external_user_id = db_str_at(r, 0, 2);
	u->name = db_str_at(r, 0, 3);
	u->anonymous = db_int_at(r, 0, 4) != 0;
	u->created_ms = db_int_at(r, 0, 5);
	u->updated_ms = db_int_at(r, 0, 6);
	u->type = db_str_at(r, 0, 7);
	u->tenant_id = tenant_id;
	u->app_id = app_id;
}

static status user_make(struct accounts *a, struct arena *own, const struct end_user *want,
			struct db_rows **rows)
{
	struct db_batch *b = db_batch_open(own);
	DB_ADD(b, &sql_account_end_user_add, DB_ANY, db_text(id_uuid(own)), db_text(want->tenant_id),
	       db_text(want->app_id), db_text(want->type), db_text(want->session_id),
	       db_int(want->anonymous), db_int(clock_ms()));
	if (db_commit(a->db, b))
		return -1;
	return DB_READ(a->db, own, &sql_account_end_user_get, rows, db_text(want->tenant_id),
		       db_text(want->app_id), db_text(want->type), db_text(want->session_id));
}

static status user_load(struct accounts *a, struct arena *mem, struct str key,
			const struct end_user *want, const struct end_user **out)
{
	uint64_t epoch = recent_epoch(a->end_users);
	AUTO(arena) own = { arena_open(1024) };
	struct db_rows *rows;
	if (DB_READ(a->db, own.p, &sql_account_end_user_get, &rows, db_text(want->tenant_id),
		    db_text(want->app_id), db_text(want->type), db_text(want->session_id)) ||
	    (!rows->count && user_make(a, own.p, want, &rows)))
		return -1;
	if (!rows->count)
		return err_set(ERR_INTERNAL, "end user of another workspace under this app");
	struct end_user *u = arena_new(own.p, struct end_user);
	user_from_row(u, rows, arena_str(own.p, want->tenant_id), arena_str(own.p, want->app_id));
	recent_put(a->end_users, mem, key, epoch, take(own.p), u);
	*out = u;
	return 0;
}

status end_user_get(struct accounts *a, struct arena *mem, struct str tenant_id, struct str app_id,
		    struct str type, struct str session_id, struct end_user **out)
{
	struct end_user want = {
		.tenant_id = tenant_id,
		.app_id = app_id,
		.type = type,
		.session_id = session_id.len ? session_id : S("DEFAULT-USER"),
		/* The web app makes the text itself when nobody gave one. */
		.anonymous = !session_id.len || str_eq(type, S("browser")),
	};
	if (session_id.len > 255)
		return err_set(ERR_INVALID, "user must have at most 255 bytes");
	struct str key = arena_printf(mem, "%.*s/%.*s/%.*s/%.*s", STR(tenant_id), STR(app_id),
				      STR(type), STR(want.session_id));
	const struct end_user *u = recent_get(a->end_users, mem, key);
	if (!u && user_load(a, mem, key, &want, &u))
		return -1;
	*out = arena_new(mem, struct end_user);
	**out = *u;
	return 0;
}

status end_user_by_id(struct accounts *a, struct arena *mem, struct str tenant_id,
		      struct str app_id, struct str id, struct end_user **out)
{
	struct db_rows *rows;
	if (DB_READ(a->db, mem, &sql_account_end_user_by_id, &rows, db_text(tenant_id),
		    db_text(app_id), db_text(id)))
		return -1;
	if (!rows->count)
		return err_set(ERR_NOT_FOUND, "End User not found.");
	struct end_user *u = arena_new(mem, struct end_user);
	user_from_row(u, rows, tenant_id, app_id);
	*out = u;
	return 0;
}
