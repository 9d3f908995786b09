/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make_known: runs while the product is built. Embeds the sentences of the user guide and prints
 * them as the table of engine.h.  usage: make_known WEIGHTS OUT.c
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/crypt.h"
#include "model/engine.h"
#include "text/guide.h"
#include "text/sentence.h"

#define E5(p)                                                                                      \
	void *p##_load(const char *);                                                              \
	void p##_free(void *);                                                                     \
	int p##_token_count(void *, const char *, int);                                            \
	int p##_embed_batch(void *, const char **, int, int, float *)
E5(portable);
#ifdef TATARA_HAVE_E5_AVX2
E5(avx2);
#endif

static int by_key(const void *a, const void *b)
{
	return memcmp(((const struct engine_known *)a)->key, ((const struct engine_known *)b)->key,
		      ENGINE_KEY_LEN);
}

static void pack(const float *v, struct engine_known *k)
{
	float top = 0;
	for (size_t i = 0; i < ENGINE_DIMS; i++)
		top = fmaxf(top, fabsf(v[i]));
	k->scale = top / 127;
	for (size_t i = 0; i < ENGINE_DIMS; i++)
		k->at[i] = (signed char)lrintf(v[i] / k->scale);
}

static size_t embed(struct arena *mem, const char *weights, struct str text,
		    struct engine_known *out, size_t max)
{
	struct sentence *list;
	size_t n = MIN(sentence_split(mem, text, &list), max);
	int (*count)(void *, const char *, int) = portable_token_count;
	int (*batch)(void *, const char **, int, int, float *) = portable_embed_batch;
	void *(*load)(const char *) = portable_load;
	void (*unload)(void *) = portable_free;
#ifdef TATARA_HAVE_E5_AVX2
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
		count = avx2_token_count;
		batch = avx2_embed_batch;
		load = avx2_load;
		unload = avx2_free;
	}
#endif
	void *model = load(weights);
	bool good = model != NULL;
	float v[ENGINE_DIMS];
	for (size_t i = 0; good && i < n; i++) {
		struct str one = sentence_in_place(mem, &list[i]);
		const char *c = arena_cstr(mem, one);
		good = !batch(model, &c, 1, 0, v);
		embedder_key(one, false, out[i].key);
		out[i].tokens = count(model, c, 0);
		pack(v, &out[i]);
	}
	if (model)
		unload(model);
	return good ? n : 0;
}

static void print(FILE *f, const struct engine_known *k, size_t n)
{
	fprintf(f, "#include \"model/engine.h\"\nconst struct engine_known engine_known[] = {\n");
	for (size_t i = 0; i < n; i++) {
		fprintf(f, "{ {");
		for (size_t j = 0; j < ENGINE_KEY_LEN; j++)
			fprintf(f, "%d,", k[i].key[j]);
		fprintf(f, "}, %d, %.9gf, {", k[i].tokens, (double)k[i].scale);
		for (size_t j = 0; j < ENGINE_DIMS; j++)
			fprintf(f, "%d,", k[i].at[j]);
		fprintf(f, "} },\n");
	}
	fprintf(f, "};\nconst size_t engine_known_len = %zu;\n", n);
}

int main(int argc, char **argv)
{
	enum { MAX_SENTENCES = 1000 };
	if (argc != 3)
		return 2;
	crypt_init();
	struct arena *mem = arena_open(0);
	struct engine_known *k = arena_array(mem, struct engine_known, MAX_SENTENCES);
	size_t n = embed(mem, argv[1], guide_text(S("en")), k, MAX_SENTENCES);
	n += embed(mem, argv[1], guide_text(S("ja")), k + n, MAX_SENTENCES - n);
	qsort(k, n, sizeof k[0], by_key);
	FILE *f = n ? fopen(argv[2], "we") : NULL;
	if (!f) {
		fprintf(stderr, "make_known: no vectors from %s for %s\n", argv[1], argv[2]);
		return 1;
	}
	print(f, k, n);
	arena_close(mem);
	return fclose(f) ? 1 : 0;
}
