/* SPDX-License-Identifier: Apache-2.0 */
/* "<path>\n<JSON>": every place that is found lies in its parent. */
#include "base/arena.h"
#include "base/core.h"
#include "base/err.h"
#include "base/json.h"
#include "tool/json_path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) mem = { arena_open(0) };
	struct str text = str_of((const char *)data, size), path = str_cut(&text, '\n');
	struct json *root;
	struct json_place *places;
	size_t n;
	if (json_parse(mem.p, text, &root))
		return 0;
	if (json_path_find(mem.p, root, path, &places, &n) == 0)
		for (size_t i = 0; i < n; i++)
			if (places[i].parent && places[i].parent->type == JSON_ARR)
				ASSERT(json_at(places[i].parent, places[i].index) == places[i].value);
	(void)json_path_create(mem.p, root, path, json_null(mem.p));
	return 0;
}
