/* SPDX-License-Identifier: Apache-2.0 */
/* models: what models.c, credentials.c and server.c share. */
#pragma once
#include "api/console/console.h"
#include "model/model.h"

/* langgenius/<id>/<id> */
struct str provider_full(struct arena *, struct str id);
/* By any of its names; NULL = unknown. */
const struct provider_info *provider_row(struct str name);
/* The provider of the path: one segment, or author/plugin/name. */
struct str provider_param(struct call *);
