/* SPDX-License-Identifier: Apache-2.0 */
/* starter: what a fresh server has to show: one chat app that answers about itself. */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;
struct services;

/*
 * The starter app in the first workspace, made when it is not there, and a key of it. *token is
 * empty (at == NULL) when the app had a key already: it was shown then and is not kept.
 * ERR_NOT_FOUND before set-up.
 */
status starter_create(struct services *, struct arena *, struct str *app_id, struct str *token) NODISCARD;
