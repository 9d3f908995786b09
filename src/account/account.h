/* SPDX-License-Identifier: Apache-2.0 */
/*
 * account: people, workspaces, roles, sessions, keys, end users. Formats of platform.md 6.1.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"
#include "rt/rt.h"

struct arena;
struct broker;
struct config;
struct db;
struct accounts;

struct accounts_options {
	struct db *db;
	struct broker *broker;
	const struct config *config;
	struct str secret; /* SECRET_KEY, or the one made at first start */
};
status accounts_open(const struct accounts_options *, struct accounts **out) NODISCARD;
void accounts_close(struct accounts *);

enum role { ROLE_NONE, ROLE_DATASET_OPERATOR, ROLE_NORMAL, ROLE_EDITOR, ROLE_ADMIN, ROLE_OWNER };
struct str role_name(enum role);
struct account {
	struct str id, name, email, avatar, interface_language, interface_theme, timezone, status;
	struct str tenant_id, tenant_name; /* the current workspace */
	enum role role;
	int64_t created_ms, last_login_ms, last_active_ms, initialized_ms;
	struct str last_login_ip;
	bool has_password;
};

/* --- set-up and sign-in --- */
status setup_done(struct accounts *, bool *done, int64_t *at_ms) NODISCARD;
/* First account, owner of the first workspace; ERR_DENIED when already done. */
status setup_create(struct accounts *, struct arena *, struct str email, struct str name, struct str password, struct str language, struct str ip, struct account **out) NODISCARD;
/* >= 8 characters with a letter and a digit. */
status password_rule(struct str password) NODISCARD;
/* 401 authentication_failed, 429 email_code_login_limit after repeated failures (platform.md 3.2). */
status login(struct accounts *, struct arena *, struct str email, struct str password, struct str ip, struct account **out) NODISCARD;
struct tokens {
	struct str access, refresh, csrf;
};
status session_open(struct accounts *, struct arena *, const struct account *, struct tokens *out) NODISCARD;
status session_refresh(struct accounts *, struct arena *, struct str refresh, struct tokens *out) NODISCARD;
status session_close(struct accounts *, struct arena *, struct str refresh, struct str account_id) NODISCARD;
/* Access token to account with its current workspace. 401 texts as recorded. */
status session_check(struct accounts *, struct arena *, struct str access, struct account **out) NODISCARD;
status csrf_check(struct accounts *, struct arena *, struct str header, struct str cookie, struct str account_id) NODISCARD;
/* The owner of a workspace, for the admin key. */
status account_owner(struct accounts *, struct arena *, struct str tenant_id, struct account **out) NODISCARD;
status account_get(struct accounts *, struct arena *, struct str id, struct account **out) NODISCARD;
status account_by_email(struct accounts *, struct arena *, struct str email, struct account **out) NODISCARD;
struct account_new {
	struct str email, name, password, language;
	enum role role;
};
status account_create(struct accounts *, struct arena *, struct str tenant_id, const struct account_new *, struct account **out) NODISCARD;
status account_list(struct accounts *, struct arena *, struct str tenant_id, struct account **out, size_t *n) NODISCARD;
status account_set_password(struct accounts *, struct arena *, struct str account_id, struct str password) NODISCARD;
status account_set_role(struct accounts *, struct str tenant_id, struct str account_id, enum role) NODISCARD;
status account_remove(struct accounts *, struct str tenant_id, struct str account_id) NODISCARD;
/* name, interface_language, interface_theme, timezone, avatar; at == NULL keeps. */
status account_update(struct accounts *, const struct account *) NODISCARD;
/* The first workspace: what commands without --workspace act on. ERR_NOT_FOUND before set-up. */
status tenant_first(struct accounts *, struct arena *, struct str *tenant_id) NODISCARD;

/* --- keys: hashed, with a visible prefix --- */
struct api_key {
	struct str id, tenant_id, app_id, type; /* type: app, dataset */
	struct str hint;			/* "app-abc...xyz" */
	int64_t created_ms, last_used_ms;
};
/* *token is shown once. At most 10 a type and app: ERR_LIMIT max_keys_exceeded. */
status key_create(struct accounts *, struct arena *, struct str tenant_id, struct str app_id, struct str type, struct api_key **out, struct str *token) NODISCARD;
status key_list(struct accounts *, struct arena *, struct str tenant_id, struct str app_id, struct str type, struct api_key **out, size_t *n) NODISCARD;
status key_remove(struct accounts *, struct str tenant_id, struct str id) NODISCARD;
/* Bearer token to key; cached for a few seconds; last_used written once a minute.
 * 401 unauthorized "Access token is invalid". */
status key_check(struct accounts *, struct arena *, struct str token, struct str type, struct api_key **out) NODISCARD;

/* --- end users --- */
struct end_user {
	struct str id, tenant_id, app_id, type, session_id, external_user_id, name;
	bool anonymous;
	int64_t created_ms, updated_ms;
};
/* Finds or makes (app, type, session_id); session_id empty = "DEFAULT-USER". type: service-api, browser. */
status end_user_get(struct accounts *, struct arena *, struct str tenant_id, struct str app_id, struct str type, struct str session_id, struct end_user **out) NODISCARD;
status end_user_by_id(struct accounts *, struct arena *, struct str tenant_id, struct str app_id, struct str id, struct end_user **out) NODISCARD;
/* Passport of the web app: HS256 {iss, sub, app_id, app_code, end_user_id}. */
status passport_open(struct accounts *, struct arena *, struct str token, struct str *app_id, struct str *app_code, struct str *end_user_id) NODISCARD;
struct str passport_make(struct accounts *, struct arena *, struct str app_id, struct str app_code, struct str end_user_id);
