/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diff: where two runs part. Works on traces (flow_run_nodes) and knows no database: pure.
 *
 * Executions are paired by node, by the elements and rounds they ran in, and by their order among
 * equals. Compared are status, error, inputs, process_data and outputs; what differs by nature (ids and
 * times of the run, latencies, when something happened) does not count.
 */
#pragma once
#include "base/core.h"
#include "base/json.h"

struct arena;

enum { DIFF_PLACES_MAX = 20 }; /* differing places that are listed of one execution */

/*
 * {"same": bool, "first": {node} or null, "nodes": [{node}]}; a node is {"node_id", "title",
 * "node_type", "round", "only_in": "a" | "b" | null, "places": [{"path", "a", "b"}], "more": bool}.
 * Only executions that differ are listed, in the order of a, those that only b has at the end. Values
 * are shared with the traces.
 */
struct json *diff_runs(struct arena *, const struct json *a, const struct json *b);
