/* SPDX-License-Identifier: Apache-2.0 */
/* embed: looks up a file of the binary by path. */
#include "base/embed.h"

const struct embedded_file *embed_find(const struct embedded_file *files, size_t n, struct str path)
{
	size_t low = 0, high = n;
	while (low < high) {
		size_t mid = (low + high) / 2;
		int d = str_cmp(path, str_c(files[mid].path));
		if (d == 0)
			return &files[mid];
		if (d > 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}
