/* SPDX-License-Identifier: Apache-2.0 */
/*
 * starter: the app that a new installation has: a chat that answers from the user guide with the
 * bundled model, so that there is something to try before any model is set up.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;
struct json;

#define STARTER_NAME "Ask Tatara"
/* model_config of a chat app (workflow.md 1.8). */
struct json *starter_app_config(struct arena *);
