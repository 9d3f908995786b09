/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config: every setting, once, in config.def: environment name, type, default, secret?, group,
 * meaning. Values come from defaults, .env text and the environment, later ones win. Read-only
 * after config_load. `config_str(c, CONFIG_DB_HOST)`.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;
struct buf;

enum config_key {
#define X(name, type, dflt, secret, group, help) CONFIG_##name,
#include "base/config.def"
#undef X
	CONFIG_COUNT
};
enum config_type { CONFIG_STR, CONFIG_INT, CONFIG_BOOL, CONFIG_FLOAT };
struct config_row {
	const char *name; /* environment variable */
	enum config_type type;
	const char *dflt, *group, *help;
	bool secret;
};
extern const struct config_row config_rows[CONFIG_COUNT];

struct config;
/* environ-style array; dotenv may be empty. A value of the wrong type is ERR_INVALID naming it. */
status config_load(struct arena *, const char *const *environ, struct str dotenv, struct config **out) NODISCARD;
struct str config_str(const struct config *, enum config_key);
int64_t config_int(const struct config *, enum config_key);
double config_float(const struct config *, enum config_key);
bool config_bool(const struct config *, enum config_key);
/* "default", ".env", "environment" */
const char *config_source(const struct config *, enum config_key);
bool config_is_set(const struct config *, enum config_key);
/* For commands and tests: replaces a value. */
void config_override(struct config *, enum config_key, struct str value);

/* Names in .env (all) or the environment (those with our prefix TATARA_) that no row has. */
struct config_unknown {
	struct str name;
	const char *nearest; /* NULL = nothing near, or removed tells */
	const char *removed; /* not NULL: what replaces it */
};
size_t config_unknowns(const struct config *, const struct config_unknown **out);
