/* SPDX-License-Identifier: Apache-2.0 */
/* wall: see wall.h. The numbers are the kernel's interface, which headers of the build may lack. */
#include "sandbox/jail/wall.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	EXECUTE = 1 << 0, WRITE_FILE = 1 << 1, READ_FILE = 1 << 2, READ_DIR = 1 << 3, REMOVE_DIR = 1 << 4,
	REMOVE_FILE = 1 << 5, MAKE_DIR = 1 << 7, MAKE_FILE = 1 << 8, FILES_1 = (1 << 13) - 1, REFER = 1 << 13,
	TRUNCATE = 1 << 14, IOCTL = 1 << 15,
	BIND = 1 << 0, CONNECT = 1 << 1,
	SCOPE_ABSTRACT = 1 << 0, SCOPE_SIGNAL = 1 << 1,
	RULE_PATH = 1, RULE_PORT = 2,
};
struct attributes {
	uint64_t files, net, scoped;
};
struct path_rule {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));
struct port_rule {
	uint64_t allowed, port;
};

int wall_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* version */);
	return abi < 0 ? 0 : (int)abi;
}

static uint64_t files_of(int abi)
{
	return FILES_1 | (abi >= 2 ? REFER : 0) | (abi >= 3 ? TRUNCATE : 0) | (abi >= 5 ? IOCTL : 0);
}

int wall_open(int port)
{
	int abi = wall_abi();
	struct attributes a = { .files = files_of(abi), .net = abi >= 4 && port != WALL_ANY_PORT ? BIND | CONNECT : 0,
				.scoped = abi >= 6 ? SCOPE_ABSTRACT | SCOPE_SIGNAL : 0 };
	size_t size = abi >= 6 ? sizeof(a) : abi >= 4 ? 16 : 8;
	int rules = (int)syscall(SYS_landlock_create_ruleset, &a, size, 0);
	struct port_rule p = { .allowed = CONNECT, .port = (uint64_t)port };
	if (rules >= 0 && port > 0 && abi >= 4 && syscall(SYS_landlock_add_rule, rules, RULE_PORT, &p, 0) < 0) {
		close(rules);
		return -1;
	}
	return rules;
}

int wall_allow(int rules, const char *path, enum wall_kind kind)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return 0;
	/* A rule on a plain file must not ask for what only folders have. */
	struct path_rule p = { .allowed = EXECUTE | READ_FILE, .parent = fd };
	if (kind == WALL_FOLDER || kind == WALL_SCRATCH)
		p.allowed |= READ_DIR;
	if (kind == WALL_DEVICE)
		p.allowed |= WRITE_FILE;
	if (kind == WALL_SCRATCH)
		p.allowed = (p.allowed & ~(uint64_t)EXECUTE) |
			    ((WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_FILE | REFER | TRUNCATE) & files_of(wall_abi()));
	int r = (int)syscall(SYS_landlock_add_rule, rules, RULE_PATH, &p, 0);
	close(fd);
	return r;
}

int wall_close_in(int rules)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(SYS_landlock_restrict_self, rules, 0);
}
