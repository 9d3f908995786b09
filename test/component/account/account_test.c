/* SPDX-License-Identifier: Apache-2.0 */
/* People, sessions, roles, keys and end users: the same cases on both databases. */
#include "account/account.h"
#include "records_test.h"

DEFINE_AUTO(accounts, struct accounts, accounts_close)

struct world {
	struct auto_db db;
	struct auto_broker broker;
	struct auto_accounts accounts;
	struct auto_arena mem;
};

static void world_close(struct world *w)
{
	auto_accounts_cleanup(&w->accounts);
	auto_broker_cleanup(&w->broker);
	auto_db_cleanup(&w->db);
	auto_arena_cleanup(&w->mem);
}
#define WORLD(w) __attribute__((cleanup(world_close))) struct world w = { 0 }

static status world_open(struct world *w)
{
	w->mem.p = arena_open(0);
	CHECK_OK(records_open(&w->db.p, &w->broker.p));
	struct accounts_options o = { .db = w->db.p, .broker = w->broker.p,
				      .secret = S("a secret of the tests") };
	return accounts_open(&o, &w->accounts.p);
}

static status set_up(struct world *w, struct account **owner)
{
	CHECK_OK(world_open(w));
	return setup_create(w->accounts.p, w->mem.p, S("Admin@Example.com"), S("admin"),
			    S("Golden-2026"), S("ja-JP"), S("127.0.0.1"), owner);
}

static status setup_fiber(void *arg)
{
	(void)arg;
	WORLD(w);
	struct account *a, *b;
	bool done;
	int64_t at;
	CHECK_OK(world_open(&w));
	CHECK_OK(setup_done(w.accounts.p, &done, &at));
	CHECK(!done);
	struct str tenant;
	CHECK_ERR(tenant_first(w.accounts.p, w.mem.p, &tenant), ERR_NOT_FOUND);
	CHECK_ERR(setup_create(w.accounts.p, w.mem.p, S("nobody"), S("admin"), S("Golden-2026"),
			       S(""), S(""), &a),
		  ERR_INVALID);
	CHECK_ERR(setup_create(w.accounts.p, w.mem.p, S("a@b.co"), S("admin"), S("short1"), S(""),
			       S(""), &a),
		  ERR_INVALID);
	CHECK_OK(setup_create(w.accounts.p, w.mem.p, S("Admin@Example.com"), S("admin"),
			      S("Golden-2026"), S("ja-JP"), S("10.0.0.1"), &a));
	CHECK(str_eq(a->email, S("admin@example.com")) && a->role == ROLE_OWNER && a->has_password);
	CHECK(str_eq(a->tenant_name, S("admin's Workspace")));
	CHECK(str_eq(a->timezone, S("Asia/Tokyo")) && str_eq(a->interface_theme, S("light")));
	CHECK_OK(setup_done(w.accounts.p, &done, &at));
	CHECK(done && at > 0);
	CHECK_ERR(setup_create(w.accounts.p, w.mem.p, S("b@example.com"), S("b"), S("Golden-2026"),
			       S(""), S(""), &b),
		  ERR_DENIED);
	CHECK_OK(tenant_first(w.accounts.p, w.mem.p, &tenant));
	CHECK(str_eq(tenant, a->tenant_id));
	return db_prepare_all(w.db.p);
}

static status logins_fiber(void *arg)
{
	(void)arg;
	WORLD(w);
	struct account *owner, *a;
	struct tokens t, again, third;
	CHECK_OK(set_up(&w, &owner));
	struct accounts *p = w.accounts.p;
	CHECK_OK(login(p, w.mem.p, S("ADMIN@example.com "), S("Golden-2026"), S("10.1.1.1"), &a));
	CHECK(str_eq(a->id, owner->id) && str_eq(a->last_login_ip, S("10.1.1.1")));
	CHECK_OK(session_open(p, w.mem.p, a, &t));
	CHECK(t.refresh.len == 128);
	CHECK_OK(session_check(p, w.mem.p, t.access, &a));
	CHECK(str_eq(a->tenant_id, owner->tenant_id));
	CHECK_OK(csrf_check(p, w.mem.p, t.csrf, t.csrf, a->id));
	CHECK_ERR(csrf_check(p, w.mem.p, t.csrf, S(""), a->id), ERR_UNAUTHORIZED);
	CHECK_ERR(csrf_check(p, w.mem.p, t.csrf, t.csrf, id_uuid(w.mem.p)), ERR_UNAUTHORIZED);
	CHECK_ERR(csrf_check(p, w.mem.p, t.access, t.access, a->id), ERR_UNAUTHORIZED);
	CHECK_ERR(session_check(p, w.mem.p, t.csrf, &a), ERR_UNAUTHORIZED);
	CHECK_ERR(session_check(p, w.mem.p, S("x.y.z"), &a), ERR_UNAUTHORIZED);
	CHECK(str_eq(err_text(), S("Invalid token.")));
	/* A refresh token works once. */
	CHECK_OK(session_refresh(p, w.mem.p, t.refresh, &again));
	CHECK(!str_eq(t.refresh, again.refresh));
	CHECK_ERR(session_refresh(p, w.mem.p, t.refresh, &third), ERR_UNAUTHORIZED);
	CHECK_OK(session_close(p, w.mem.p, again.refresh, a->id));
	CHECK_ERR(session_refresh(p, w.mem.p, again.refresh, &third), ERR_UNAUTHORIZED);
	CHECK(str_eq(err_text(), S("Invalid refresh token")));
	CHECK_ERR(session_refresh(p, w.mem.p, S(""), &third), ERR_UNAUTHORIZED);
	CHECK(str_eq(err_text(), S("No refresh token provided")));
	/* A new password ends sessions. */
	CHECK_OK(session_open(p, w.mem.p, a, &t));
	CHECK_OK(account_set_password(p, w.mem.p, a->id, S("Another-2027")));
	CHECK_ERR(session_refresh(p, w.mem.p, t.refresh, &third), ERR_UNAUTHORIZED);
	CHECK_OK(account_check_password(p, w.mem.p, a->id, S("Another-2027")));
	CHECK_ERR(account_check_password(p, w.mem.p, a->id, S("Golden-2026")), ERR_DENIED);
	return 0;
}

/* Attempts 1 to 6 are 401, from the 7th on 429, the right password too (golden/console/login). */
static status lockout_fiber(void *arg)
{
	(void)arg;
	WORLD(w);
	struct account *owner, *a;
	CHECK_OK(set_up(&w, &owner));
	const struct str who[] = { S("nobody@example.com"), S("admin@example.com") };
	for (size_t k = 0; k < countof(who); k++) {
		for (int i = 1; i <= 6; i++) {
			CHECK_ERR(login(w.accounts.p, w.mem.p, who[k], S("wrong-1234"), S(""), &a),
				  ERR_UNAUTHORIZED);
			CHECK(str_eq(err_slug(err_last()), S("authentication_failed")));
			CHECK(str_eq(err_text(), S("Invalid email or password.")));
		}
		CHECK(login(w.accounts.p, w.mem.p, who[k], S("wrong-1234"), S(""), &a) == -1);
		CHECK(err_http(err_last()) == 429);
		CHECK(str_eq(err_slug(err_last()), S("email_code_login_limit")));
	}
	CHECK(login(w.accounts.p, w.mem.p, who[1], S("Golden-2026"), S(""), &a) == -1);
	CHECK(err_http(err_last()) == 429);
	return 0;
}

static status second_tenant(struct world *w, struct str *tenant)
{
	*tenant = id_uuid(w->mem.p);
	return db_script(w->db.p, arena_printf(w->mem.p,
					       "INSERT INTO tenants (id, name, plan, status, created_ms, "
					       "updated_ms) VALUES ('%.*s', 'other', 'basic', 'normal', "
					       "99999999999999, 0)",
					       STR(*tenant)));
}

static status members_fiber(void *arg)
{
	(void)arg;
	WORLD(w);
	struct account *owner, *ed, *x, *list;
	struct str other;
	size_t n;
	CHECK_OK(set_up(&w, &owner));
	struct accounts *p = w.accounts.p;
	struct account_new in = { .email = S("ed@example.com"), .role = ROLE_EDITOR };
	CHECK_OK(account_create(p, w.mem.p, owner->tenant_id, &in, &ed));
	CHECK(str_eq(ed->status, S("pending")) && str_eq(ed->name, S("ed")) && !ed->has_password);
	CHECK_ERR(account_create(p, w.mem.p, owner->tenant_id, &in, &x), ERR_CONFLICT);
	CHECK_ERR(login(p, w.mem.p, in.email, S(""), S(""), &x), ERR_UNAUTHORIZED);
	CHECK_OK(account_list(p, w.mem.p, owner->tenant_id, &list, &n));
	CHECK(n == 2 && list[0].role == ROLE_OWNER && list[1].role == ROLE_EDITOR);
	CHECK_OK(account_set_role(p, owner->tenant_id, ed->id, ROLE_NORMAL));
	CHECK_ERR(account_set_role(p, owner->tenant_id, owner->id, ROLE_ADMIN), ERR_DENIED);
	CHECK_ERR(account_remove(p, owner->tenant_id, owner->id), ERR_DENIED);
	/* Across workspaces nothing is found. */
	CHECK_OK(second_tenant(&w, &other));
	CHECK_ERR(account_set_role(p, other, ed->id, ROLE_ADMIN), ERR_NOT_FOUND);
	CHECK_ERR(account_remove(p, other, ed->id), ERR_NOT_FOUND);
	CHECK_ERR(account_of_tenant(p, w.mem.p, other, ed->id, &x), ERR_NOT_FOUND);
	CHECK_ERR(workspace_switch(p, other, ed->id), ERR_NOT_FOUND);
	CHECK_OK(account_list(p, w.mem.p, other, &list, &n));
	CHECK(n == 0);
	/* The owner may hand on; then the new one is protected. */
	CHECK_OK(account_set_role(p, owner->tenant_id, ed->id, ROLE_OWNER));
	CHECK_OK(account_of_tenant(p, w.mem.p, owner->tenant_id, owner->id, &x));
	CHECK(x->role == ROLE_ADMIN);
	CHECK_ERR(account_remove(p, owner->tenant_id, ed->id), ERR_DENIED);
	CHECK_OK(account_remove(p, owner->tenant_id, owner->id));
	CHECK_ERR(account_by_email(p, w.mem.p, S("admin@example.com"), &x), ERR_NOT_FOUND);
	return 0;
}

static status invite_fiber(void *arg)
{
	(void)arg;
	WORLD(w);
	struct account *owner, *ed, *x;
	struct str token;
	struct invite *i;
	CHECK_OK(set_up(&w, &owner));
	struct accounts *p = w.accounts.p;
	struct account_new in = { .email = S("ed@example.com"), .role = ROLE_EDITOR };
	CHECK_OK(account_create(p, w.mem.p, owner->tenant_id, &in, &ed));
	CHECK_OK(invite_make(p, w.mem.p, owner->tenant_id, ed, &token));
	CHECK_OK(invite_get(p, w.mem.p, token, &i));
	CHECK(str_eq(i->email, S("ed@example.com")) && str_eq(i->tenant_id, owner->tenant_id));
	CHECK_ERR(invite_get(p, w.mem.p, S("guess"), &i), ERR_NOT_FOUND);
	struct account_new answer = { .name = S("Eddie"), .password = S("Welcome-2026"),
				      .language = S("ja-JP") };
	CHECK_OK(invite_accept(p, w.mem.p, token, &answer, S(""), &x));
	CHECK(str_eq(x->status, S("active")) && str_eq(x->name, S("Eddie")));
	CHECK_ERR(invite_accept(p, w.mem.p, token, &answer, S(""), &x), ERR_NOT_FOUND);
	return login(p, w.mem.p, in.email, S("Welcome-2026"), S(""), &x);
}

static status keys_fiber(void *arg)
{
	(void)arg;
	WORLD(w);
	struct account *owner;
	struct api_key *k, *list, *seen;
	struct str token, first, other, app = S("00000000-0000-4000-8000-000000000001");
	size_t n;
	struct db_stats before, after;
	CHECK_OK(set_up(&w, &owner));
	struct accounts *p = w.accounts.p;
	CHECK_OK(key_create(p, w.mem.p, owner->tenant_id, app, S("app"), &k, &first));
	CHECK(str_starts(first, S("app-")) && first.len == 28);
	CHECK(k->hint.len == 13 && str_starts(first, str_sub(k->hint, 0, 7)));
	CHECK_OK(key_check(p, w.mem.p, first, S("app"), &seen));
	CHECK(str_eq(seen->id, k->id) && str_eq(seen->app_id, app));
	CHECK_ERR(key_check(p, w.mem.p, first, S("dataset"), &seen), ERR_UNAUTHORIZED);
	CHECK_ERR(key_check(p, w.mem.p, S("app-guess"), S("app"), &seen), ERR_UNAUTHORIZED);
	CHECK(str_eq(err_text(), S("Access token is invalid")));
	/* The second look is answered from memory. */
	db_stats_get(w.db.p, &before);
	for (int i = 0; i < 100; i++)
		CHECK_OK(key_check(p, w.mem.p, first, S("app"), &seen));
	db_stats_get(w.db.p, &after);
	CHECK(before.reads == after.reads && before.commits == after.commits);
	CHECK_OK(key_list(p, w.mem.p, owner->tenant_id, app, S("app"), &list, &n));
	CHECK(n == 1 && list[0].last_used_ms > 0);
	for (int i = 1; i < 10; i++)
		CHECK_OK(key_create(p, w.mem.p, owner->tenant_id, app, S("app"), &k, &token));
	CHECK_ERR(key_create(p, w.mem.p, owner->tenant_id, app, S("app"), &k, &token), ERR_LIMIT);
	CHECK(str_eq(err_slug(err_last()), S("max_keys_exceeded")));
	/* Another workspace neither sees nor removes it; removal is felt at once. */
	CHECK_OK(second_tenant(&w, &other));
	CHECK_OK(key_list(p, w.mem.p, other, app, S("app"), &list, &n));
	CHECK(n == 0);
	CHECK_ERR(key_remove(p, other, seen->id), ERR_NOT_FOUND);
	CHECK_OK(key_check(p, w.mem.p, first, S("app"), &seen));
	CHECK_OK(key_remove(p, owner->tenant_id, seen->id));
	CHECK_ERR(key_check(p, w.mem.p, first, S("app"), &seen), ERR_UNAUTHORIZED);
	CHECK_OK(key_remove_app(p, owner->tenant_id, app));
	CHECK_ERR(key_check(p, w.mem.p, token, S("app"), &seen), ERR_UNAUTHORIZED);
	return 0;
}

static status end_users_fiber(void *arg)
{
	(void)arg;
	WORLD(w);
	struct account *owner;
	struct end_user *a, *b, *x;
	struct str other, app = S("00000000-0000-4000-8000-000000000001");
	CHECK_OK(set_up(&w, &owner));
	struct accounts *p = w.accounts.p;
	struct str t = owner->tenant_id;
	CHECK_OK(end_user_get(p, w.mem.p, t, app, S("service-api"), S("u1"), &a));
	CHECK_OK(end_user_get(p, w.mem.p, t, app, S("service-api"), S("u1"), &b));
	CHECK(str_eq(a->id, b->id) && !a->anonymous && str_eq(a->session_id, S("u1")));
	CHECK_OK(end_user_get(p, w.mem.p, t, app, S("browser"), S("u1"), &b));
	CHECK(!str_eq(a->id, b->id));
	CHECK_OK(end_user_get(p, w.mem.p, t, app, S("service-api"), S(""), &b));
	CHECK(str_eq(b->session_id, S("DEFAULT-USER")) && b->anonymous);
	CHECK_OK(end_user_by_id(p, w.mem.p, t, app, a->id, &x));
	CHECK_OK(second_tenant(&w, &other));
	CHECK_ERR(end_user_by_id(p, w.mem.p, other, app, a->id, &x), ERR_NOT_FOUND);
	struct str pass = passport_make(p, w.mem.p, app, S("code"), a->id), app_id, code, user;
	CHECK_OK(passport_open(p, w.mem.p, pass, &app_id, &code, &user));
	CHECK(str_eq(app_id, app) && str_eq(code, S("code")) && str_eq(user, a->id));
	struct tokens tokens;
	CHECK_OK(session_open(p, w.mem.p, owner, &tokens));
	CHECK_ERR(passport_open(p, w.mem.p, tokens.access, &app_id, &code, &user), ERR_UNAUTHORIZED);
	return 0;
}

/* Names are read once in a while; a change of our own is seen at once. */
static status names_fiber(void *arg)
{
	(void)arg;
	WORLD(w);
	struct account *owner;
	struct str name, email;
	struct db_stats before, after;
	CHECK_OK(set_up(&w, &owner));
	struct accounts *p = w.accounts.p;
	CHECK_OK(account_name_of(p, w.mem.p, owner->id, &name, &email));
	CHECK(str_eq(name, owner->name) && str_eq(email, owner->email));
	db_stats_get(w.db.p, &before);
	for (int i = 0; i < 100; i++)
		CHECK_OK(account_name_of(p, w.mem.p, owner->id, &name, &email));
	db_stats_get(w.db.p, &after);
	CHECK(before.reads == after.reads);
	struct account change = { .id = owner->id, .name = S("Renamed") };
	CHECK_OK(account_update(p, &change));
	CHECK_OK(account_name_of(p, w.mem.p, owner->id, &name, &email));
	CHECK(str_eq(name, S("Renamed")));
	/* Nobody is a name too: both empty. */
	CHECK_OK(account_name_of(p, w.mem.p, S("nobody"), &name, &email));
	CHECK(!name.len && !email.len);
	/* What another process writes is seen after some seconds. */
	CHECK_OK(db_script(w.db.p, S("UPDATE accounts SET name = 'Elsewhere'")));
	for (int i = 0; i < 1200 && !str_eq(name, S("Elsewhere")); i++) {
		CHECK_OK(fiber_sleep_ms(100));
		CHECK_OK(account_name_of(p, w.mem.p, owner->id, &name, &email));
	}
	CHECK(str_eq(name, S("Elsewhere")));
	return 0;
}

#define TEST(name)                                                                                 \
	static void name(void **unused)                                                            \
	{                                                                                          \
		(void)unused;                                                                      \
		run_fiber(name##_fiber);                                                           \
	}
TEST(setup)
TEST(logins)
TEST(lockout)
TEST(members)
TEST(invite)
TEST(keys)
TEST(end_users)
TEST(names)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(setup),   cmocka_unit_test(logins),  cmocka_unit_test(lockout),
		cmocka_unit_test(members), cmocka_unit_test(invite), cmocka_unit_test(keys),
		cmocka_unit_test(end_users), cmocka_unit_test(names),
	};
	test_arguments(argc, argv);
	return cmocka_run_group_tests_name("account", tests, NULL, NULL);
}
