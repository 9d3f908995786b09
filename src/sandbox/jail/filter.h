/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter: the system calls of a run as a table, and the BPF program made from it. Used inside the
 * jail (it installs the program), by the launcher (names) and by the unit test that walks all
 * numbers. Plain C: no memory, no I/O.
 */
#pragma once
#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

enum { FILTER_MAX = 1600, FILTER_NUMBER_MAX = 600 };

enum filter_rule {
	RULE_ALLOW,
	RULE_KILL,   /* never: reported, then the process is gone */
	RULE_REFUSE, /* EPERM, reported */
	RULE_ENOSYS, /* libraries fall back */
	RULE_OPEN,   /* flags in argument 1: nothing that writes */
	RULE_OPENAT, /* the same in argument 2 */
	RULE_MAP,    /* argument 2: not writable and executable at once */
	RULE_MMAP,   /* the same, and nothing of the huge pool */
	RULE_CLONE,  /* threads only */
	RULE_SELF,   /* argument 0 is this process */
	RULE_FCNTL,
	RULE_IOCTL,
	RULE_PRCTL,
	RULE_PRLIMIT,
	RULE_SOCKETPAIR,
	RULE_SENDTO,
	RULE_SENDMSG,
	RULE_SETSOCKOPT,
	RULE_SOCKET,
	RULE_CONNECT,
	RULE_DUP,  /* a new number that the kernel chooses: the broker must know it */
	RULE_DUP2, /* one that the caller chooses */
	RULE_SCRATCH, /* changes files: only where there is a scratch folder */
};
enum { FOR_PYTHON = 1, FOR_NODE = 2, FOR_BOTH = 3 };

struct filter_row {
	const char *name;
	uint16_t number;
	uint8_t who;  /* the others get RULE_REFUSE */
	uint8_t rule;
};
extern const struct filter_row filter_rows[];
extern const size_t filter_rows_len;

/* NULL when the table has no such number. */
const struct filter_row *filter_find(uint32_t number);
const struct filter_row *filter_find_name(const char *name, size_t len);

struct filter_options {
	uint32_t flags; /* ORDER_* */
	uint32_t pid;	/* of this process, as it sees itself */
	const uint16_t *extra;
	size_t extra_len;
};
/* Returns the number of instructions, 0 when `out` is too small. */
size_t filter_build(const struct filter_options *, struct sock_filter *out, size_t max);
