/* SPDX-License-Identifier: Apache-2.0 */
/* app_int: what the files of this folder share. */
#pragma once
#include "account/recent.h"
#include "app/app.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "base/err.h"
#include "base/id.h"
#include "base/json.h"
#include "base/yaml.h"
#include "rt/rt.h"
#include "store/db/db.h"

enum {
	APP_CACHE_MS = 3000, /* another process sees a change after this */
	IMPORT_HOLD_MS = 10 * 60 * 1000,
	VARIABLE_SIZE_MAX = 200 << 10,
};

struct apps {
	struct db *db;
	const struct config *config;
	struct client *client;
	struct tools *tools; /* of apps_use_tools, or NULL */
	struct arena *mem;
	unsigned char seal_key[CRYPT_KEY_LEN];
	struct recent *by_id, *by_code, *published;
};

/* Forgets what is cached of an app; call after each committed change. */
void app_forget(struct apps *, struct str app_id);
/* NULL for an empty account. */
static inline struct db_value account_or_null(struct str id)
{
	return id.len ? db_text(id) : db_null();
}
struct str json_compact(struct arena *, const struct json *);
/* "{}" and "[]" when absent. */
struct str json_compact_or(struct arena *, const struct json *, struct str otherwise);
/* Text from our own tables. A broken one is ERR_INTERNAL. */
status json_stored(struct arena *, struct str text, struct json **out) NODISCARD;

/* variables.c: fills id, description and selector; ERR_INVALID with the documented texts. */
status variables_check(struct arena *, const struct json *list, struct str scope,
		       struct json **out) NODISCARD;
/* Seals the values of secrets; those that say "keep" take the value of `before` (may be NULL). */
struct json *variables_seal(const struct apps *, struct arena *, const struct json *list,
			    const struct json *before);
struct json *variables_open(const struct apps *, struct arena *, const struct json *stored);

/* version.c */
enum dsl_verdict { DSL_SAME, DSL_WARN, DSL_ASK };
/* ERR_INVALID when the text is no version. */
status dsl_compare(struct str version, enum dsl_verdict *out) NODISCARD;

/* import.c: a file that could be imported, read. ERR_INVALID and ERR_TOO_LARGE say why it could not. */
struct dsl_file {
	struct json *file;
	struct str version;
	enum dsl_verdict verdict;
};
status dsl_read(struct arena *, struct str yaml, struct dsl_file *out) NODISCARD;

/* workflow.c: adds the statements that write a draft; before NULL = the app has none yet. */
status workflow_draft_into(struct apps *, struct arena *, struct db_batch *, const struct workflow *,
			   const struct workflow *before, struct str account_id) NODISCARD;
/* apps.c: adds the statements that make an app with its site. */
void app_add_into(struct arena *, struct db_batch *, const struct app_new *, struct str tenant_id,
		  struct str id, const struct json *dsl, bool use_icon);
