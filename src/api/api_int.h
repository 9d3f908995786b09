/* SPDX-License-Identifier: Apache-2.0 */
/* api_int: what the files of this folder share and its subfolders do not see. */
#pragma once
#include "api/api.h"
#include "base/err.h"

/* The server version that clients see in X-Version: the one we are a drop-in for. */
#define API_COMPATIBLE_VERSION "1.12.1"

/* Does what call->route->auth says; fills key, app, account, end_user. */
status call_authenticate(struct call *) NODISCARD;

static inline struct str err_text_of(const struct err *e)
{
	return str_c(e->text);
}
