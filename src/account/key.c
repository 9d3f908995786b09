/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key: API keys, stored as sha256 with a visible hint. key_check answers from memory for some
 * seconds: every call of the Service API passes here.
 */
#include "account/account_int.h"
#include "sql_account.h"

static void key_from_row(const struct db_rows *r, size_t i, struct api_key *k)
{
	k->id = db_str_at(r, i, 0);
	k->tenant_id = db_str_at(r, i, 1);
	k->app_id = db_str_at(r, i, 2);
	k->type = db_str_at(r, i, 3);
	k->hint = db_str_at(r, i, 4);
	k->created_ms = db_int_at(r, i, 5);
	k->last_used_ms = db_int_at(r, i, 6);
}

status key_create(struct accounts *a, struct arena *mem, struct str tenant_id, struct str app_id,
		  struct str type, struct api_key **out, struct str *token)
{
	struct str t = arena_printf(mem, "%.*s-%.*s", STR(type), STR(id_token(mem, 24)));
	struct api_key *k = arena_new(mem, struct api_key);
	k->id = id_uuid(mem);
	k->tenant_id = tenant_id;
	k->app_id = app_id.at ? app_id : S("");
	k->type = type;
	k->hint = arena_printf(mem, "%.*s...%.*s", STR(str_sub(t, 0, type.len + 4)),
			       STR(str_skip(t, t.len - 3)));
	k->created_ms = clock_ms();
	if (DB_WRITE(a->db, mem, &sql_account_key_add, 1, NULL, db_text(k->id), db_text(tenant_id),
		     db_text(k->app_id), db_text(type), db_text(crypt_sha256_hex(mem, t)),
		     db_text(k->hint), db_int(k->created_ms), db_int(KEYS_MAX))) {
		if (err_code() == ERR_STALE)
			return err_public(ERR_LIMIT, "max_keys_exceeded", 400,
					  "Cannot create more than %d API keys for this resource "
					  "type.",
					  KEYS_MAX);
		return -1;
	}
	*out = k;
	*token = t;
	return 0;
}

status key_list(struct accounts *a, struct arena *mem, struct str tenant_id, struct str app_id,
		struct str type, struct api_key **out, size_t *n)
{
	struct db_rows *rows;
	if (DB_READ(a->db, mem, &sql_account_key_list, &rows, db_text(tenant_id),
		    db_text(app_id.at ? app_id : S("")), db_text(type)))
		return -1;
	struct api_key *list = arena_array(mem, struct api_key, rows->count);
	for (size_t i = 0; i < rows->count; i++)
		key_from_row(rows, i, &list[i]);
	*out = list;
	*n = rows->count;
	return 0;
}

static bool has_id(const void *value, const void *arg)
{
	const struct api_key *k = value;
	const struct str *id = arg;
	return str_eq(k->id, *id);
}

static bool has_app(const void *value, const void *arg)
{
	const struct api_key *k = value;
	const struct str *id = arg;
	return str_eq(k->app_id, *id);
}

status key_remove(struct accounts *a, struct str tenant_id, struct str id)
{
	AUTO(arena) mem = { arena_open(0) };
	if (DB_WRITE(a->db, mem.p, &sql_account_key_remove, 1, NULL, db_text(tenant_id), db_text(id)))
		return err_code() == ERR_STALE ? err_set(ERR_NOT_FOUND, "API key not found") : -1;
	recent_drop_if(a->keys, has_id, &id);
	return 0;
}

status key_remove_app(struct accounts *a, struct str tenant_id, struct str app_id)
{
	AUTO(arena) mem = { arena_open(0) };
	if (DB_WRITE(a->db, mem.p, &sql_account_key_remove_app, DB_ANY, NULL, db_text(tenant_id),
		     db_text(app_id)))
		return -1;
	recent_drop_if(a->keys, has_app, &app_id);
	return 0;
}

static status key_load(struct accounts *a, struct arena *mem, struct str cache_key,
		       struct str token, struct str type, const struct api_key **out)
{
	uint64_t epoch = recent_epoch(a->keys);
	AUTO(arena) own = { arena_open(512) };
	struct api_key *k = arena_new(own.p, struct api_key);
	struct db_rows *rows;
	if (DB_READ(a->db, own.p, &sql_account_key_by_hash, &rows,
		    db_text(crypt_sha256_hex(own.p, token)), db_text(type)))
		return -1;
	if (!rows->count)
		return err_set(ERR_UNAUTHORIZED, "Access token is invalid");
	key_from_row(rows, 0, k);
	int64_t now = clock_ms();
	if (now - k->last_used_ms >= KEY_USED_EVERY_MS &&
	    DB_WRITE(a->db, own.p, &sql_account_key_used, DB_ANY, NULL, db_text(k->id), db_int(now),
		     db_int(now - KEY_USED_EVERY_MS)))
		return -1;
	recent_put(a->keys, mem, cache_key, epoch, take(own.p), k);
	*out = k;
	return 0;
}

status key_check(struct accounts *a, struct arena *mem, struct str token, struct str type,
		 struct api_key **out)
{
	unsigned char hash[SHA256_LEN];
	if (token.len > 256)
		return err_set(ERR_UNAUTHORIZED, "Access token is invalid");
	crypt_sha256(token, hash);
	char slot[SHA256_LEN + 1];
	__builtin_memcpy(slot, hash, SHA256_LEN);
	slot[SHA256_LEN] = type.len ? type.at[0] : '?';
	struct str key = str_of(slot, sizeof(slot));
	const struct api_key *found = recent_get(a->keys, mem, key);
	if (!found && key_load(a, mem, key, token, type, &found))
		return -1;
	*out = arena_new(mem, struct api_key);
	**out = *found;
	return 0;
}
