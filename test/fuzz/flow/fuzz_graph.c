/* SPDX-License-Identifier: Apache-2.0 */
/* Any JSON as a graph: refused with an error, or a graph that the schedule can walk to its end. */
#include "base/arena.h"
#include "base/core.h"
#include "base/err.h"
#include "base/json.h"
#include "flow/flow.h"
#include "flow/graph.h"
#include "flow/schedule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) mem = { arena_open(0) };
	struct flow_graph *g;
	struct schedule s;
	struct json *v;
	uint32_t node;
	size_t ran = 0;
	if (json_parse(mem.p, str_of((const char *)data, size), &v) || graph_compile(S(""), v, &g))
		return 0;
	schedule_init(&s, mem.p, g, g->root);
	while (schedule_next(&s, &node)) {
		ASSERT(++ran <= g->node_count);
		ASSERT(schedule_done(&s, node, g->nodes[node].kind == NODE_BRANCH, S("true"), NULL, NULL) == 0);
	}
	flow_graph_unref(g);
	return 0;
}
