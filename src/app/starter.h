/* SPDX-License-Identifier: Apache-2.0 */
/* starter: what a fresh server has to show: one chat app that answers questions about itself. */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct app;
struct apps;
struct arena;

/* The starter app of a workspace: found by its name, else made. Called once, at set-up: who deletes
 * it does not get it back. */
status starter_create(struct apps *, struct arena *, struct str tenant_id, struct str account_id, struct app **out) NODISCARD;
