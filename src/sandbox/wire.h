/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire: what front, launcher, zygotes and warm processes say to each other. All of it goes over
 * SOCK_SEQPACKET pairs between processes of one binary, so structs travel as they are; `magic`
 * refuses a helper library of another build. No file of base is needed here: the helper library
 * inside the jail reads it too.
 */
#pragma once
#include <stdint.h>

enum {
	WIRE_MAGIC = 0x7a7a0001,
	WIRE_EXTRA_MAX = 64,	/* system calls that the settings add */
	WIRE_TEXT_MAX = 1024,	/* one path or list in the launcher's settings */
	WIRE_REFUSED_MAX = 8,	/* different refused calls that a run's end tells */
	WIRE_NAME_MAX = 24,
};

/* --- launcher -> process that becomes the run --- */

enum {
	ORDER_NODE = 1 << 0,	      /* JavaScript's table of system calls */
	ORDER_NETWORK = 1 << 1,	      /* may talk to the proxy */
	ORDER_BROKER = 1 << 2,	      /* socket and connect are done by the launcher */
	ORDER_NOTIFY = 1 << 3,	      /* refused calls are reported by name */
	ORDER_COUNT_THREADS = 1 << 4, /* the launcher counts threads: RLIMIT_NPROC cannot */
	ORDER_SETID = 1 << 5,	      /* takes uid and gid of its own */
	ORDER_USERNS = 1 << 6,	      /* enters a user namespace of its own */
	ORDER_SCRATCH = 1 << 7,	      /* /tmp may be written */
	ORDER_PURE = 1 << 8,	      /* no third-party packages */
	ORDER_PRELOAD = 1 << 9,	      /* a preload text stands before the code */
	ORDER_DATA = 1 << 10,	      /* numpy and the like are loaded */
	ORDER_KILL = 1 << 11,	      /* the kernel ends who calls what is never allowed, without a name */
	ORDER_FRESH = 1 << 12,	      /* for a process started for this run alone: it has its identity already */
};

struct order {
	uint32_t magic, flags;
	uint64_t id, memory; /* bytes */
	uint32_t uid, gid;
	uint32_t cpu_seconds, threads, files, scratch_mb;
	uint32_t extra_len;
	uint16_t extra[WIRE_EXTRA_MAX];
};

/* Whether `n` bytes that came are an order of this build. */
static inline int order_is_sound(const struct order *o, long n)
{
	return n == (long)sizeof(*o) && o->magic == WIRE_MAGIC && o->extra_len <= WIRE_EXTRA_MAX;
}

/* Descriptors that come with an order, in this sequence. */
enum { ORDER_FD_CODE, ORDER_FD_OUT, ORDER_FD_ERR, ORDER_FD_STATUS, ORDER_FD_PIDNS, ORDER_FD_NETNS, ORDER_FD_COUNT };

/* --- zygote -> launcher --- */

enum zygote_event { ZYGOTE_READY = 1, ZYGOTE_STARTED, ZYGOTE_ENDED, ZYGOTE_FAILED };
struct zygote_report {
	uint32_t magic, event;
	uint64_t id;
	int32_t pid, wait_status;
	int64_t cpu_us, peak_kb;
};

/* --- front -> launcher --- */

enum front_request { FRONT_RUN = 1, FRONT_KILL, FRONT_RELOAD };
enum wire_language { LANGUAGE_PYTHON, LANGUAGE_NODE, LANGUAGE_COUNT };
struct run_request {
	uint32_t magic, kind;
	uint64_t id;
	uint32_t language, flags; /* ORDER_NETWORK, ORDER_PURE, ORDER_DATA, ORDER_PRELOAD */
	uint32_t wall_ms;
};

/* --- launcher -> front --- */

enum launcher_event { LAUNCHER_HELLO = 1, LAUNCHER_STARTED, LAUNCHER_ENDED, LAUNCHER_REFUSED, LAUNCHER_CONNECTED };
enum end_reason {
	END_EXIT, END_SIGNAL, END_TIMEOUT, END_FORBIDDEN, END_MEMORY, END_KILLED, END_BROKEN
};
/* LAUNCHER_REFUSED: why nothing was started. */
enum refusal { REFUSAL_NO_IDENTITY = 1, REFUSAL_BROKEN, REFUSAL_LANGUAGE };
struct launcher_report {
	uint32_t magic, event;
	uint64_t id;
	int32_t reason, code;	      /* exit code, signal, or a refusal */
	int64_t cpu_us, peak_kb;
	uint32_t refused, refused_len; /* refused calls, and how many names follow */
	char refused_name[WIRE_REFUSED_MAX][WIRE_NAME_MAX];
	char killed_by[WIRE_NAME_MAX]; /* END_FORBIDDEN: the system call, "" when not known */
};
/* LAUNCHER_CONNECTED comes with the other end of a connection that the run has made. LAUNCHER_STARTED
 * comes with these descriptors. */
enum { STARTED_FD_CODE, STARTED_FD_OUT, STARTED_FD_ERR, STARTED_FD_COUNT };

enum { TIER_NONE, TIER_NAMESPACE, TIER_CONTAINER, TIER_MINIMAL };
/* LAUNCHER_HELLO; with the listener of the namespace tier where the launcher is no broker. */
struct launcher_hello {
	uint32_t magic, event, tier, has_node;
	uint32_t failed;
	uint32_t zygote_starts, pool_node;
	char node_version[32], python_version[32];
	char site[WIRE_TEXT_MAX]; /* folders of third-party packages, "a:b" */
	char text[WIRE_TEXT_MAX]; /* the layers in one line, or why nothing can run */
};

/* The launcher's first message. Paths are NUL-terminated. */
struct launcher_settings {
	uint32_t magic;
	uint32_t isolation; /* TIER_NONE = auto */
	uint32_t require;   /* bits of probe.h */
	uint32_t workers, pool_node, network, memory_mb, cpu_seconds, threads, scratch_mb;
	uint32_t uid_base, uid_count;
	uint32_t packages;  /* there is a folder of packages beside the machine's */
	uint32_t lazy; /* interpreters start with the first run and go when there is none for long */
	uint32_t extra_len;
	uint16_t extra[WIRE_EXTRA_MAX];
	char rootfs[WIRE_TEXT_MAX], work_dir[WIRE_TEXT_MAX], cgroup[WIRE_TEXT_MAX];
	char python_path[WIRE_TEXT_MAX], nodejs_path[WIRE_TEXT_MAX];
	char preload[WIRE_TEXT_MAX];
};

/* Where things lie inside the jail. */
#define JAIL_DIR "/usr/lib/tatara-jail"
#define JAIL_PACKAGES "/usr/lib/tatara-packages"
enum { JAIL_PROXY_PORT = 3128 };
