/* SPDX-License-Identifier: Apache-2.0 */
/* front: one run, from the queue to its result, over the launcher. Shared by the files of the front. */
#pragma once
#include "base/list.h"
#include "sandbox/packages.h"
#include "sandbox/sandbox.h"

struct client;
struct group;
struct proc;
struct relay;

enum { SECONDS_BUCKETS = 9 };

/* Outcomes of runs, for metrics. */
enum outcome {
	OUTCOME_OK, OUTCOME_EXIT, OUTCOME_SIGNAL, OUTCOME_TIMEOUT, OUTCOME_FORBIDDEN, OUTCOME_MEMORY,
	OUTCOME_OUTPUT, OUTCOME_BROKEN, OUTCOME_CANCELLED, OUTCOME_COUNT
};

struct sandbox {
	struct arena *mem;
	struct sandbox_options options;
	struct slots workers;
	int64_t in_house, running;
	uint64_t next_id;
	bool closing, draining;
	struct list jobs;
	/* the launcher */
	struct proc *launcher;
	int control; /* -1 while there is none */
	bool up;
	struct launcher_hello hello;
	struct event changed; /* up, or a reason why not */
	char why_not[512];
	struct relay *relay;
	struct packages packages;
	/* metrics */
	uint64_t outcomes[LANGUAGE_COUNT][OUTCOME_COUNT], refused_busy, launcher_starts, refused_calls;
	uint64_t seconds[LANGUAGE_COUNT][SECONDS_BUCKETS];
	double seconds_sum[LANGUAGE_COUNT];
};

struct run_ask {
	enum wire_language language;
	struct str code, preload;
	uint32_t flags; /* ORDER_NETWORK, ORDER_PURE, ORDER_DATA */
};
struct run_result {
	struct str out, err, error; /* valid UTF-8 */
	int exit_code;
};
/* Waits for a place, runs. ERR_BUSY: too many in the house; ERR_LIMIT: no identity; ERR_UNSUPPORTED:
 * no such interpreter; ERR_UNAVAILABLE: our own fault. */
status front_run(struct sandbox *, struct arena *, const struct run_ask *, struct run_result *out) NODISCARD;
/* The fiber that keeps a launcher. */
status front_keep_launcher(void *sandbox);
status front_reload(struct sandbox *) NODISCARD;

/* "error" of an answer (part 1.3): empty when all went well. */
struct str front_error_text(struct arena *, int exit_code, const char *reason, struct str err);
/* Broken bytes become U+FFFD. */
struct str front_utf8(struct arena *, struct str);

/* What the connections of one run may still do, together. */
struct relay_account {
	size_t connections, up, down; /* at a time; bytes to the proxy, and back */
	size_t open;
};
/* A connection of a run, given away: it is led to the proxy by a fiber of the group. Both outlive it. */
void relay_take(struct group *, struct str proxy, struct relay_account *, int fd);
/* Relays the connections that come to a listening socket, given away; limits are for each of them. */
status relay_open(struct str proxy, const struct relay_account *limits, int fd, struct relay **out) NODISCARD;
void relay_close(struct relay *);

/* Packages in the folder own, which count first, and in the folders "a:b" (under root, may be empty), as a list of
 * {"name", "version"}. */
struct json;
status deps_list(struct arena *, struct str own, struct str folders, struct str root, struct json **out) NODISCARD;
