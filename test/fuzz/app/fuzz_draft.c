/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a graph around each of its nodes, and what that part reads from outside. */
#include <stdint.h>

#include "app/app_int.h"
#include "app/draft.h"
#include "flow/flow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NODES_MAX = 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) mem = { arena_open(0) };
	struct json *graph, *single;
	int tried = 0;
	if (json_parse(mem.p, str_of((const char *)data, size), &graph))
		return 0;
	json_each(json_get(graph, S("nodes")), node)
	{
		struct draft_want *list;
		size_t n;
		if (tried++ >= NODES_MAX)
			break;
		if (flow_graph_single(mem.p, graph, json_get_str(node, S("id")), &single))
			continue;
		if (draft_wants(mem.p, graph, single, &list, &n))
			continue;
		for (size_t i = 0; i < n; i++)
			ASSERT(list[i].n >= 2 && list[i].key.len >= 3 && list[i].field.len);
	}
	return 0;
}
