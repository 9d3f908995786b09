/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox's configuration file: what is taken lies within the limits, what is not says why; the environment stays
 * as it is. */
#include <string.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/err.h"
#include "sandbox/sandbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WITHIN(value, low, high) ASSERT((value) >= (low) && (value) <= (high))

static void check(const struct sandbox_options *o)
{
	const struct launcher_settings *l = &o->launcher;
	const char *const paths[] = { l->rootfs, l->python_path, l->nodejs_path, l->preload };
	WITHIN(o->max_workers, 1, 64);
	WITHIN(o->max_requests, 1, 100000);
	WITHIN(o->queue_timeout_s, 0, 3600);
	WITHIN(o->worker_timeout_s, 1, 3600);
	WITHIN(o->max_output, 1024, 1 << 30);
	WITHIN(o->max_connections, 1, 512);
	WITHIN(o->max_upload_mb, 1, 1 << 20);
	WITHIN(o->max_download_mb, 1, 1 << 20);
	WITHIN(l->memory_mb, 64u, 65536u);
	WITHIN(l->threads, 1u, 512u);
	ASSERT(l->scratch_mb <= 4096 && l->pool_node <= 32 && l->isolation <= 3);
	WITHIN(l->uid_base, 1000u, 4000000000u);
	WITHIN(l->uid_count, 1u, 65536u);
	WITHIN(l->cpu_seconds, 1u, 86400u);
	ASSERT(l->extra_len <= WIRE_EXTRA_MAX);
	for (size_t i = 0; i < countof(paths); i++)
		ASSERT(memchr(paths[i], 0, WIRE_TEXT_MAX));
	/* Said in the environment below. */
	ASSERT(o->max_workers == 7);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const environment[] = { "MAX_WORKERS=7", NULL };
	AUTO(arena) mem = { arena_open(0) };
	struct config *config;
	ASSERT(!config_load(mem.p, environment, S(""), &config));
	struct sandbox_options *o = arena_new(mem.p, struct sandbox_options);
	if (sandbox_settings_text(mem.p, config, str_of((const char *)data, size), o))
		ASSERT(err_text().len);
	else
		check(o);
	return 0;
}
