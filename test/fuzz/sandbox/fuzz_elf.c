/* SPDX-License-Identifier: Apache-2.0 */
/* ELF files: broken tables lead to no name, never outside the file. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "sandbox/root.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	AUTO(arena) mem = { arena_open(0) };
	AUTO(fd) f = { memfd_create("elf", MFD_CLOEXEC) };
	ASSERT(f.n >= 0 && write(f.n, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", f.n);
	path_list found = { 0 };
	if (!elf_needed(mem.p, path, &found))
		for (size_t i = 0; i < found.len; i++)
			ASSERT(strlen(found.at[i]) > 0);
	return 0;
}
