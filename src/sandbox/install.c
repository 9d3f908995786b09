/* SPDX-License-Identifier: Apache-2.0 */
/* install: see install.h. */
#include "sandbox/install.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/core.h"
#include "sandbox/jail/harden.h"
#include "sandbox/jail/wall.h"

enum { EXIT_BROKEN = 125, MEMORY = 2 << 10, FILE_MB = 4 << 10, CPU_SECONDS = 900, FILES = 256, PATH_BYTES = 1024 };

/* Where an interpreter, certificates and names are looked for. No folder of the service is among them. */
static const char *const readable[] = {
	"/usr", "/lib", "/lib64", "/bin", "/etc/ssl", "/etc/ca-certificates", "/etc/python3", "/etc/python3.11",
};
static const char *const readable_files[] = {
	"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/passwd",
	"/etc/ld.so.cache", "/etc/localtime", "/etc/mime.types", "/etc/pip.conf",
	"/etc/debian_version", "/etc/os-release", "/etc/lsb-release", "/etc/redhat-release", "/etc/alpine-release", "/dev/urandom", "/dev/zero",
};

/* The folder that the interpreter was installed into: "/opt/python" for "/opt/python/bin/python3". */
static int allow_prefix(int rules, const char *python)
{
	char *real = realpath(python, NULL);
	int r = 0;
	for (int i = 0; real && i < 2; i++) {
		char *slash = strrchr(real, '/');
		if (slash)
			*slash = 0;
	}
	if (real && *real)
		r = wall_allow(rules, real, WALL_FOLDER);
	free(real);
	return r;
}

static int close_in(const char *python, const char *requirements, const char *folder)
{
	if (!wall_abi())
		return 0; /* one wall less: no package runs code while it is installed */
	int rules = wall_open(WALL_ANY_PORT), bad = rules < 0;
	for (size_t i = 0; !bad && i < countof(readable); i++)
		bad = wall_allow(rules, readable[i], WALL_FOLDER) < 0;
	for (size_t i = 0; !bad && i < countof(readable_files); i++)
		bad = wall_allow(rules, readable_files[i], WALL_FILE) < 0;
	bad = bad || wall_allow(rules, "/dev/null", WALL_DEVICE) < 0 || wall_allow(rules, requirements, WALL_FILE) < 0 ||
	      wall_allow(rules, folder, WALL_SCRATCH) < 0 || allow_prefix(rules, python) < 0 || wall_close_in(rules) < 0;
	return bad ? -1 : 0;
}

static int limit(int what, uint64_t value)
{
	struct rlimit l = { .rlim_cur = value, .rlim_max = value };
	return setrlimit((__rlimit_resource_t)what, &l);
}

int install_main(int argc, char **argv)
{
	static const struct order nobody = { .flags = 0 };
	char folder[PATH_BYTES];
	if (argc < 3) {
		fputs("sandbox-install is a part of the sandbox role\n", stderr);
		return EXIT_BROKEN;
	}
	const char *python = argv[0], *requirements = argv[1], *target = argv[2];
	/* Only built packages: making one out of its source would run whatever is in it. */
	const char *command[] = { python, "-I", "-m", "pip", "install", "--only-binary", ":all:", "--no-input", "--no-cache-dir",
				  "--disable-pip-version-check", "--no-warn-script-location", "--progress-bar", "off", "--target", target,
				  "-r", requirements, argc > 3 ? "--index-url" : NULL, argc > 3 ? argv[3] : NULL, NULL };
	snprintf(folder, sizeof(folder), "%s", target);
	char *slash = strrchr(folder, '/');
	if (slash)
		*slash = 0;
	umask(022);
	if (limit(RLIMIT_AS, (uint64_t)MEMORY << 20) || limit(RLIMIT_FSIZE, (uint64_t)FILE_MB << 20) ||
	    limit(RLIMIT_CPU, CPU_SECONDS) || limit(RLIMIT_NOFILE, FILES) || limit(RLIMIT_CORE, 0) ||
	    close_in(python, requirements, folder) < 0 || harden_identity(&nobody) < 0) {
		fprintf(stderr, "cannot be confined: %s\n", strerror(errno));
		return EXIT_BROKEN;
	}
	execv(python, (char *const *)(uintptr_t)command);
	fprintf(stderr, "cannot start %s: %s\n", python, strerror(errno));
	return EXIT_BROKEN;
}
