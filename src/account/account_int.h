/* SPDX-License-Identifier: Apache-2.0 */
/* account_int: what the files of this folder share. */
#pragma once
#include "account/account.h"
#include "account/recent.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/crypt.h"
#include "base/enc.h"
#include "base/err.h"
#include "base/id.h"
#include "base/json.h"
#include "store/broker/broker.h"
#include "store/db/db.h"

enum {
	KEYS_MAX = 10,		       /* a type and app (platform.md 3.2) */
	KEY_CACHE_MS = 5000,	       /* another process sees a removed key after this */
	KEY_USED_EVERY_MS = 60 * 1000, /* how often last_used is written */
	END_USER_CACHE_MS = 60 * 1000,
	NAME_CACHE_MS = 5000,
	ACTIVE_EVERY_MS = 10 * 60 * 1000,
	INVITE_HOURS = 72,
	LOGIN_TRIES = 5, /* failures past which an address is locked */
};

struct accounts {
	struct db *db;
	struct broker *broker;
	const struct config *config;
	struct arena *mem;
	struct str secret;
	struct recent *keys, *end_users, *names;
	struct str dummy_password; /* checked for unknown addresses, so that they take as long */
};

/* The row of account_get, by_email, ... as an account. */
struct account *account_from_row(struct arena *, const struct db_rows *, size_t row);
/* argon2 and the check on the pool; the strings are copied. */
status password_make(struct arena *, struct str password, struct str *out) NODISCARD;
status password_check(struct str stored, struct str password, bool *ok, bool *upgrade) NODISCARD;
struct str email_normal(struct arena *, struct str email);
/* language_known or en-US. */
struct str language_or_default(struct str language);
