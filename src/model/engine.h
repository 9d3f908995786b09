/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine: the bundled embedding model (multilingual-e5-small, 384 numbers a text). Loads the
 * weights on first use, off the loop; gives them back after an idle time; runs as many pieces of
 * work at once as there are cores; keeps the vectors of texts it has seen, within a limit. Belongs
 * to one loop. Knows nothing of HTTP.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;
struct engine;

enum {
	ENGINE_DIMS = 384,
	ENGINE_CACHE_MAX = 8192,	/* vectors kept: 12 MiB */
	ENGINE_SLICE_BYTES = 4096,	/* text of one piece of work: short enough to take turns */
	ENGINE_CORES_MAX = 4,
	ENGINE_TEXT_MAX = 1 << 20,	/* bytes of one text */
};

status embedder_open(struct str weights, int64_t unload_after_ms, struct engine **out) NODISCARD;
/* Work under way keeps what it needs; the memory goes when the last of it ends. */
void embedder_close(struct engine *);
/* n texts to n * ENGINE_DIMS floats of length one; *tokens may be NULL and counts what was computed
 * or remembered, prefixes included. ERR_UNAVAILABLE: no engine or no weights, with what to do. */
status embedder_embed(struct engine *, struct arena *, const struct str *texts, size_t n, bool query,
		    float **out, int64_t *tokens) NODISCARD;
/* Whether it could work: built in, and the file is there. Blocks on a stat call. */
status embedder_check(const struct engine *) NODISCARD;
/*
 * Vectors that are computed when the product is built: the sentences of its own guide, so that the
 * first question of a new installation need not wait for them. One byte a number.
 */
enum { ENGINE_KEY_LEN = 16 };
struct engine_known {
	unsigned char key[ENGINE_KEY_LEN];
	int32_t tokens;
	float scale;
	signed char at[ENGINE_DIMS];
};
extern const struct engine_known engine_known[]; /* sorted by key */
extern const size_t engine_known_len;
void embedder_key(struct str text, bool query, unsigned char key[ENGINE_KEY_LEN]);

/* For tests and metrics. */
struct engine_stats {
	uint64_t loads, unloads, computed, remembered;
	size_t cached;
	bool loaded;
};
void embedder_stats_get(const struct engine *, struct engine_stats *);
/* "avx2", "portable" or "none": which build of the arithmetic runs on this machine. */
const char *embedder_arithmetic(void);
