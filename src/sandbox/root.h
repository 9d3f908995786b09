/* SPDX-License-Identifier: Apache-2.0 */
/*
 * root: what a run can see of files. A plan lists the interpreters, their libraries and data; it
 * becomes a read-only tree of mounts (namespace tier), a folder of links and copies (container
 * tier) or a list of landlock rules (minimal tier), so that user code sees the same everywhere.
 * Runs in the launcher, at its start; blocking.
 */
#pragma once
#include "base/str.h"
#include "base/vec.h"

enum root_kind { ROOT_DIR, ROOT_FILE, ROOT_LINK };
struct root_item {
	enum root_kind kind;
	const char *path;   /* in the jail */
	const char *source; /* on the host; for links the target */
};
struct root_plan {
	struct arena *mem;
	VEC(struct root_item) items;
	const char *python, *node; /* paths in the jail; NULL = not there */
	const char *python_version, *node_version, *why_no_node;
	const char *site; /* folders of third-party packages, "a:b" */
	const char *node_path;
	bool node_forks;	  /* one Node can be forked for every program */
	const char *why_no_fork; /* "" when it does */
};
/* With these Node has no helper threads that V8 gives work to: a forked child would not have them. */
#define JAIL_NODE_FORK_FLAGS "--single-threaded", "--v8-pool-size=0", "--no-warnings"

struct launcher_settings;
/* Asks the interpreters where their parts are, and whether Node can be forked (with the helpers, which lie
 * in a folder already). Fails when there is no Python. */
status root_plan_make(struct arena *, const struct launcher_settings *, const char *helpers, struct root_plan *out) NODISCARD;
/* What `boot.js try` printed: its version and path when they are there, and NULL, or why it cannot be forked. */
const char *root_read_trial(struct str said, struct str *version, struct str *path);
/* Mounts the plan on `at` and makes it read-only; in a mount namespace of ours. */
status root_mount(const struct root_plan *, const struct launcher_settings *, const char *at) NODISCARD;
/* Makes the folder `at` hold the plan, by hard links where possible; does nothing when it does. */
status root_copy(const struct root_plan *, const char *at) NODISCARD;
/* The helper library and the scripts of the jail, written to the folder. */
status root_write_helpers(const char *folder) NODISCARD;
/* Restricts this process (landlock, all it knows of): files to the plan, or with NULL to "/"
 * without writing; TCP to `port` (0 = none). What the kernel lacks is left out. */
status root_restrict(const struct root_plan *, const char *helpers, const char *packages, int port) NODISCARD;

/* Libraries that an ELF file names, resolved as the loader would. Unknown ones are left out. */
typedef VEC(const char *) path_list;
status elf_needed(struct arena *, const char *file, path_list *out) NODISCARD;
