/* SPDX-License-Identifier: Apache-2.0 */
/* accounts: opening, and the slow hashes on the thread pool. */
#include "account/account_int.h"

#include <stdlib.h>
#include <string.h>

status accounts_open(const struct accounts_options *o, struct accounts **out)
{
	if (!o->secret.len)
		return err_set(ERR_INVALID, "SECRET_KEY is empty; set it or start the server once");
	struct arena *mem = arena_open(0);
	struct accounts *a = arena_new(mem, struct accounts);
	a->mem = mem;
	a->db = o->db;
	a->broker = o->broker;
	a->config = o->config;
	a->secret = arena_str(mem, o->secret);
	a->keys = recent_open(2048, KEY_CACHE_MS);
	a->end_users = recent_open(4096, END_USER_CACHE_MS);
	a->names = recent_open(512, NAME_CACHE_MS);
	*out = a;
	return 0;
}

void accounts_close(struct accounts *a)
{
	if (!a)
		return;
	recent_close(a->keys);
	recent_close(a->end_users);
	recent_close(a->names);
	arena_close(a->mem);
}

/* A job of its own memory, so that an abandoned wait is safe. */
struct hash_job {
	char password[1024], stored[1024];
	size_t password_len, stored_len;
	bool ok, upgrade;
};

static void hash_job_free(void *p)
{
	struct hash_job *j = p;
	explicit_bzero(j, sizeof(*j));
	free(j);
}

static status hash_job_make(struct str password, struct str stored, struct hash_job **out)
{
	struct hash_job *j = calloc(1, sizeof(*j));
	ASSERT(j);
	if (password.len > sizeof(j->password) || stored.len > sizeof(j->stored)) {
		free(j);
		return err_set(ERR_INVALID, "the password is too long: at most 1024 bytes");
	}
	if (password.len)
		memcpy(j->password, password.at, password.len);
	j->password_len = password.len;
	if (stored.len)
		memcpy(j->stored, stored.at, stored.len);
	j->stored_len = stored.len;
	*out = j;
	return 0;
}

static status make_on_pool(void *p)
{
	struct hash_job *j = p;
	AUTO(arena) mem = { arena_open(0) };
	struct str out;
	if (crypt_password(mem.p, str_of(j->password, j->password_len), &out))
		return -1;
	if (out.len > sizeof(j->stored))
		return err_set(ERR_INTERNAL, "password hash of %zu bytes", out.len);
	memcpy(j->stored, out.at, out.len);
	j->stored_len = out.len;
	return 0;
}

static status check_on_pool(void *p)
{
	struct hash_job *j = p;
	j->ok = crypt_password_check(str_of(j->stored, j->stored_len),
				     str_of(j->password, j->password_len), &j->upgrade);
	return 0;
}

status password_make(struct arena *mem, struct str password, struct str *out)
{
	struct hash_job *j;
	if (hash_job_make(password, (struct str){ 0 }, &j) ||
	    pool_run(make_on_pool, j, hash_job_free))
		return -1;
	*out = arena_str(mem, str_of(j->stored, j->stored_len));
	hash_job_free(j);
	return 0;
}

status password_check(struct str stored, struct str password, bool *ok, bool *upgrade)
{
	struct hash_job *j;
	if (hash_job_make(password, stored, &j) || pool_run(check_on_pool, j, hash_job_free))
		return -1;
	*ok = j->ok;
	*upgrade = j->upgrade;
	hash_job_free(j);
	return 0;
}
