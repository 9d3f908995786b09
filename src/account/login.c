/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login: sign-in with lock-out, and the three tokens of a session: access and CSRF are signed and
 * not stored, refresh is random and stored as a hash. Behaviour as recorded (golden/console/login).
 */
#include "account/account_int.h"
#include "sql_account.h"

static int64_t minutes(const struct accounts *a, enum config_key key, int64_t fallback)
{
	int64_t v = a->config ? config_int(a->config, key) : 0;
	return v > 0 ? v : fallback;
}

static struct str fail_counter(struct arena *mem, struct str email)
{
	return arena_printf(mem, "login_fail:%.*s", STR(crypt_sha256_hex(mem, email)));
}

static status locked_out(struct accounts *a, struct str counter, bool *locked)
{
	int64_t n = 0;
	if (a->broker && counter_get(a->broker, counter, &n))
		return -1;
	*locked = n > LOGIN_TRIES;
	return 0;
}

/* Counted before the password is looked at: many tries at one time are many tries. */
static status count_try(struct accounts *a, struct str counter, bool *locked)
{
	int64_t n = 0, ttl = minutes(a, CONFIG_LOGIN_LOCKOUT_DURATION, 86400) * 1000;
	if (locked_out(a, counter, locked))
		return -1;
	if (*locked || !a->broker)
		return 0;
	if (counter_add(a->broker, counter, 1, ttl, &n))
		return -1;
	*locked = n > LOGIN_TRIES + 1;
	return 0;
}

static status failed_login(void)
{
	return err_public(ERR_UNAUTHORIZED, "authentication_failed", 401,
			  "Invalid email or password.");
}

/* As slow as a real check, so that the time does not tell which addresses exist. */
static status spend_time(struct accounts *a, struct str password)
{
	bool ok, upgrade;
	if (!a->dummy_password.len) {
		AUTO(arena) mem = { arena_open(0) };
		struct str made;
		if (password_make(mem.p, id_token(mem.p, 24), &made))
			return -1;
		if (!a->dummy_password.len)
			a->dummy_password = arena_str(a->mem, made);
	}
	return password_check(a->dummy_password, password, &ok, &upgrade);
}

static status check_stored(struct accounts *a, struct arena *mem, const struct account *who,
			   struct str password, bool *ok)
{
	struct db_rows *rows;
	if (DB_READ(a->db, mem, &sql_account_account_password, &rows, db_text(who->id)))
		return -1;
	struct str stored = db_str_at(rows, 0, 0), fresh;
	if (!stored.len) {
		*ok = false;
		return spend_time(a, password);
	}
	bool upgrade = false;
	if (password_check(stored, password, ok, &upgrade))
		return -1;
	if (!*ok || !upgrade)
		return 0;
	if (password_make(mem, password, &fresh))
		return -1;
	return DB_WRITE(a->db, mem, &sql_account_account_set_password, 1, NULL, db_text(who->id),
			db_text(fresh), db_int(clock_ms()));
}

status account_check_password(struct accounts *a, struct arena *mem, struct str account_id,
			      struct str password)
{
	struct account who = { .id = account_id };
	bool ok;
	if (check_stored(a, mem, &who, password, &ok))
		return -1;
	return ok ? 0 : err_set(ERR_DENIED, "the password is not right");
}

status login(struct accounts *a, struct arena *mem, struct str email, struct str password,
	     struct str ip, struct account **out)
{
	email = email_normal(mem, email);
	struct str counter = fail_counter(mem, email);
	bool locked, ok = false;
	struct account *who;
	if (count_try(a, counter, &locked))
		return -1;
	if (locked)
		return err_public(ERR_BUSY, "email_code_login_limit", 429,
				  "Too many incorrect password attempts. Please try again later.");
	if (account_by_email(a, mem, email, &who)) {
		if (err_code() != ERR_NOT_FOUND || spend_time(a, password))
			return -1;
		return failed_login();
	}
	if (check_stored(a, mem, who, password, &ok))
		return -1;
	if (!ok)
		return failed_login();
	if (str_eq(who->status, S("banned")))
		return err_public(ERR_DENIED, "account_banned", 400, "Account is banned.");
	if (!who->tenant_id.len)
		return err_public(ERR_INVALID, "workspace_not_found", 400,
				  "This account belongs to no workspace; ask an administrator to add it.");
	int64_t now = clock_ms();
	if (DB_WRITE(a->db, mem, &sql_account_account_signed_in, 1, NULL, db_text(who->id),
		     db_int(now), db_text(ip)) ||
	    (a->broker && counter_reset(a->broker, counter)))
		return -1;
	who->last_login_ms = who->last_active_ms = now;
	who->last_login_ip = ip;
	*out = who;
	return 0;
}

/* --- sessions --- */

static struct str access_make(struct accounts *a, struct arena *mem, struct str account_id)
{
	struct json *c = json_obj(mem);
	json_set_str(mem, c, S("user_id"), account_id);
	json_set_int(mem, c, S("exp"),
		     clock_s() + 60 * minutes(a, CONFIG_ACCESS_TOKEN_EXPIRE_MINUTES, 60));
	json_set_str(mem, c, S("iss"), S("SELF_HOSTED"));
	json_set_str(mem, c, S("sub"), S("Console API Passport"));
	return jwt_sign(mem, a->secret, json_text(mem, c, JSON_COMPACT));
}

static struct str csrf_make(struct accounts *a, struct arena *mem, struct str account_id)
{
	struct json *c = json_obj(mem);
	json_set_int(mem, c, S("exp"),
		     clock_s() + 60 * minutes(a, CONFIG_ACCESS_TOKEN_EXPIRE_MINUTES, 60));
	json_set_str(mem, c, S("sub"), account_id);
	return jwt_sign(mem, a->secret, json_text(mem, c, JSON_COMPACT));
}

static void tokens_fill(struct accounts *a, struct arena *mem, struct str account_id,
			struct tokens *t)
{
	unsigned char random[64];
	id_random(random, sizeof(random));
	t->refresh = enc_hex(mem, str_of((const char *)random, sizeof(random)));
	t->access = access_make(a, mem, account_id);
	t->csrf = csrf_make(a, mem, account_id);
}

static void session_into(struct accounts *a, struct arena *mem, struct db_batch *b,
			 struct str account_id, struct str refresh)
{
	int64_t now = clock_ms();
	int64_t days = minutes(a, CONFIG_REFRESH_TOKEN_EXPIRE_DAYS, 30);
	DB_ADD(b, &sql_account_session_remove_old, DB_ANY, db_text(account_id), db_int(now));
	DB_ADD(b, &sql_account_session_add, 1, db_text(crypt_sha256_hex(mem, refresh)),
	       db_text(account_id), db_int(now + days * 86400000), db_int(now));
}

status session_open(struct accounts *a, struct arena *mem, const struct account *who,
		    struct tokens *out)
{
	struct tokens t;
	tokens_fill(a, mem, who->id, &t);
	struct db_batch *b = db_batch_open(mem);
	session_into(a, mem, b, who->id, t.refresh);
	if (db_commit(a->db, b))
		return -1;
	*out = t;
	return 0;
}

status session_refresh(struct accounts *a, struct arena *mem, struct str refresh,
		       struct tokens *out)
{
	struct str hash = crypt_sha256_hex(mem, refresh);
	struct db_rows *rows;
	if (!refresh.len)
		return err_set(ERR_UNAUTHORIZED, "No refresh token provided");
	if (DB_READ(a->db, mem, &sql_account_session_get, &rows, db_text(hash), db_int(clock_ms())))
		return -1;
	if (!rows->count)
		return err_set(ERR_UNAUTHORIZED, "Invalid refresh token");
	struct str id = db_str_at(rows, 0, 0);
	struct tokens t;
	tokens_fill(a, mem, id, &t);
	struct db_batch *b = db_batch_open(mem);
	/* Of two refreshes with the same token only one may win. */
	DB_ADD(b, &sql_account_session_remove, 1, db_text(hash));
	session_into(a, mem, b, id, t.refresh);
	if (db_commit(a->db, b))
		return err_code() == ERR_STALE ? err_set(ERR_UNAUTHORIZED, "Invalid refresh token")
					       : -1;
	*out = t;
	return 0;
}

status session_close(struct accounts *a, struct arena *mem, struct str refresh,
		     struct str account_id)
{
	(void)account_id; /* the token alone names the session */
	if (!refresh.len)
		return 0;
	return DB_WRITE(a->db, mem, &sql_account_session_remove, DB_ANY, NULL,
			db_text(crypt_sha256_hex(mem, refresh)));
}

static status claims_open(struct accounts *a, struct arena *mem, struct str token,
			  struct json **claims)
{
	struct str text;
	if (jwt_open(mem, a->secret, token, &text)) {
		bool over = str_has(err_text(), S("expired"));
		return err_set(ERR_UNAUTHORIZED, over ? "Token has expired." : "Invalid token.");
	}
	if (json_parse(mem, text, claims) || !json_is(*claims, JSON_OBJ))
		return err_set(ERR_UNAUTHORIZED, "Invalid token.");
	return 0;
}

status session_check(struct accounts *a, struct arena *mem, struct str access, struct account **out)
{
	struct json *claims;
	struct account *who;
	if (claims_open(a, mem, access, &claims))
		return -1;
	struct str id = json_get_str(claims, S("user_id"));
	if (!id.len || !str_eq(json_get_str(claims, S("sub")), S("Console API Passport")))
		return err_set(ERR_UNAUTHORIZED, "Invalid token.");
	if (account_get(a, mem, id, &who))
		return err_code() == ERR_NOT_FOUND ? err_set(ERR_UNAUTHORIZED, "Invalid token.") : -1;
	if (str_eq(who->status, S("banned")) || !who->tenant_id.len)
		return err_set(ERR_UNAUTHORIZED, "Account is banned.");
	int64_t now = clock_ms();
	if (now - who->last_active_ms > ACTIVE_EVERY_MS &&
	    DB_WRITE(a->db, mem, &sql_account_account_active, DB_ANY, NULL, db_text(id), db_int(now)))
		return -1;
	*out = who;
	return 0;
}

status csrf_check(struct accounts *a, struct arena *mem, struct str header, struct str cookie,
		  struct str account_id)
{
	struct json *claims;
	if (!header.len || !cookie.len || !str_eq_secret(header, cookie) ||
	    claims_open(a, mem, header, &claims) ||
	    !str_eq(json_get_str(claims, S("sub")), account_id))
		return err_set(ERR_UNAUTHORIZED, "CSRF token is missing or invalid.");
	return 0;
}

/* --- passports of the web app --- */

struct str passport_make(struct accounts *a, struct arena *mem, struct str app_id,
			 struct str app_code, struct str end_user_id)
{
	struct json *c = json_obj(mem);
	json_set_str(mem, c, S("iss"), app_id);
	json_set_str(mem, c, S("sub"), S("Web API Passport"));
	json_set_str(mem, c, S("app_id"), app_id);
	json_set_str(mem, c, S("app_code"), app_code);
	json_set_str(mem, c, S("end_user_id"), end_user_id);
	return jwt_sign(mem, a->secret, json_text(mem, c, JSON_COMPACT));
}

status passport_open(struct accounts *a, struct arena *mem, struct str token, struct str *app_id,
		     struct str *app_code, struct str *end_user_id)
{
	struct json *c;
	if (claims_open(a, mem, token, &c))
		return -1;
	struct str app = json_get_str(c, S("app_id")), user = json_get_str(c, S("end_user_id"));
	if (!str_eq(json_get_str(c, S("sub")), S("Web API Passport")) || !app.len || !user.len)
		return err_set(ERR_UNAUTHORIZED, "Invalid token.");
	*app_id = app;
	*app_code = json_get_str(c, S("app_code"));
	*end_user_id = user;
	return 0;
}
