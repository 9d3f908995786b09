/* SPDX-License-Identifier: Apache-2.0 */
/* postgres: what only PostgreSQL has and the broker uses: LISTEN on a connection of its own. */
#pragma once
#include "base/core.h"
#include "base/str.h"
#include "rt/rt.h"

struct arena;
struct db;
struct db_listener;
/* channel: a plain lower-case name. The db must be PostgreSQL. */
status db_listen(struct db *, const char *channel, struct db_listener **out) NODISCARD;
/* Waits for the next message. ERR_UNAVAILABLE: the connection is lost; close and listen anew. */
status db_listen_next(struct db_listener *, struct arena *, struct str *payload, deadline) NODISCARD;
void db_listen_close(struct db_listener *);
DEFINE_AUTO(db_listener, struct db_listener, db_listen_close)
