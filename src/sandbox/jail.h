/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jail: the place where interpreters run, made once by the launcher, and how a process gets into
 * it. Three tiers (docs/operations/sandbox.md); what differs between them is in this file and in
 * the flags of an order, nowhere else.
 */
#pragma once
#include <sys/types.h>

#include "sandbox/root.h"
#include "sandbox/wire.h"

struct jail {
	const struct launcher_settings *settings;
	const struct root_plan *plan;
	int tier;
	bool own_ids;	 /* every run gets a uid of its own */
	bool user_space; /* inside a user namespace of ours */
	bool notify, broker, filtered;
	uint32_t uid_base;
	int life[2]; /* a pipe that ends with the launcher */
	/* namespace tier */
	int mount_ns, ipc_ns, uts_ns, empty_net, proxy_net;
	int listener; /* 127.0.0.1:3128 in proxy_net */
	/* container tier: the root; minimal tier: the helpers */
	const char *root, *helpers;
	const char *packages; /* as programs see it; NULL = none */
	const char *site;     /* folders of third-party packages, "a:b" */
};

/* What a zygote is, and what its children can run. */
enum zygote_kind { ZYGOTE_PYTHON, ZYGOTE_DATA /* with numpy and the like */, ZYGOTE_NODE, ZYGOTE_KINDS };

struct probe;
/* Makes the place. May move the calling process into a user namespace. */
status jail_open(struct jail *, const struct launcher_settings *, const struct root_plan *, const struct probe *) NODISCARD;
/* A process namespace for one run, kept by a first process that only waits; -1 with *init = 0
 * where the tier has none. Killing init kills everything in it. */
int jail_process_space(const struct jail *, pid_t *init);
/* The flags that every order of this jail has. */
uint32_t jail_order_flags(const struct jail *);
/* Starts a zygote that reads orders from `control`. */
status jail_start_zygote(const struct jail *, int control, enum zygote_kind, pid_t *out) NODISCARD;
/* Starts a Node process that waits for its one order: for a Node that cannot be forked. */
status jail_start_node(const struct jail *, const struct order *, const int fds[3], int pidns, pid_t *out) NODISCARD;
