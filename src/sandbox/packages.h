/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packages: Python packages that an administrator lists in a file (SANDBOX_REQUIREMENTS) and that
 * programs may import, where SANDBOX_ALLOW_PIP says so. Each update makes a whole new folder; the one
 * that counts is a link, so that it is there as a whole or not at all. Fibers of the front; pip is a
 * process of its own (install.h).
 */
#pragma once
#include "rt/rt.h"

struct arena;
struct json;
struct sandbox;

enum packages_state { PACKAGES_NEVER, PACKAGES_RUNNING, PACKAGES_DONE, PACKAGES_FAILED };
struct packages {
	enum packages_state state;
	bool wanted;
	uint64_t rounds; /* updates that have ended */
	char said[1024]; /* why the last one failed */
	struct event work, ended;
};

/* The fiber that does the updates: at the start when the file is another, then when asked or by the interval. */
status packages_keep(void *sandbox);
/* Asks for an update and waits for its end. Fails with what pip said. */
status packages_update(struct sandbox *) NODISCARD;
/* {"state": "...", "message": "..."} */
struct json *packages_report(struct sandbox *, struct arena *);
/* Where the packages that count lie, on this machine. "" = there are none by this way. */
struct str packages_folder(struct sandbox *, struct arena *);
