/* SPDX-License-Identifier: Apache-2.0 */
/* cli_int: what the commands about people, apps, keys and models share. */
#pragma once
#include "account/account.h"
#include "api/api.h"
#include "app/app.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "cli/cli.h"

struct json;

/* An app by id, or by its exact name when only one has it. */
status cli_find_app(struct cli *, struct str tenant, struct str id_or_name, struct app **out) NODISCARD;
/* Wrong usage when text is empty. */
status cli_need(struct str text, const char *what) NODISCARD;
/* Standard input, for passwords and keys: never an argument, which others could see. */
status cli_secret(struct cli *, int argc, char **argv, const char *flag, struct str *out) NODISCARD;
