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

/* A member of the workspace with the role there; ERR_NOT_FOUND for others. */
status account_of_tenant(struct accounts *, struct arena *, struct str tenant_id, struct str account_id, struct account **out) NODISCARD;
/* Of any account, for lists; both empty when it is gone. */
status account_name_of(struct accounts *, struct arena *, struct str account_id, struct str *name, struct str *email) NODISCARD;
/* ERR_DENIED when it is another. */
status account_check_password(struct accounts *, struct arena *, struct str account_id, struct str password) NODISCARD;
status role_parse(struct str, enum role *) NODISCARD;

/* --- workspaces --- */
struct workspace {
	struct str id, name, plan, status;
	enum role role; /* of the asking account */
	bool current;
	int64_t created_ms;
};
status workspace_list(struct accounts *, struct arena *, struct str account_id, struct workspace **out, size_t *n) NODISCARD;
/* ERR_NOT_FOUND unless the account is a member. */
status workspace_get(struct accounts *, struct arena *, struct str tenant_id, struct str account_id, struct workspace **out) NODISCARD;
status workspace_rename(struct accounts *, struct str tenant_id, struct str name) NODISCARD;
status workspace_switch(struct accounts *, struct str tenant_id, struct str account_id) NODISCARD;

/* --- invitations: a token that lets the invited person choose a password, for 72 hours --- */
status invite_make(struct accounts *, struct arena *, struct str tenant_id, const struct account *, struct str *token) NODISCARD;
struct invite {
	struct str account_id, email, tenant_id;
};
/* ERR_NOT_FOUND when unknown or over. */
status invite_get(struct accounts *, struct arena *, struct str token, struct invite **out) NODISCARD;
/* Sets name, password, language and timezone, ends the token. */
status invite_accept(struct accounts *, struct arena *, struct str token, const struct account_new *, struct str timezone, struct account **out) NODISCARD;

/* --- what a person may choose --- */
bool email_valid(struct str);
/* The interface languages, "en-US"; language_timezone is "" for an unknown one. */
bool language_valid(struct str);
struct str language_timezone(struct str language);
/* Region/City as in the tz database, or UTC; looks at the installed database when there is one. */
bool timezone_valid(struct str);

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
/* All keys of an app that goes. */
status key_remove_app(struct accounts *, struct str tenant_id, struct str app_id) NODISCARD;
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
