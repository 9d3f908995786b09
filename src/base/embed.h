/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embed: files that lie inside the binary. tools/embed.py writes a C file with
 *     const struct embedded_file PREFIX_files[];  sorted by path
 *     const size_t PREFIX_files_len;
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct embedded_file {
	const char *path;	   /* as given to the tool, "/" between parts, none in front */
	const unsigned char *data; /* as served: compressed when gzip is set */
	size_t len;
	const char *type; /* media type */
	bool gzip;
};

/* NULL when absent. */
const struct embedded_file *embed_find(const struct embedded_file *files, size_t n, struct str path);
