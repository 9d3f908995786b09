/* SPDX-License-Identifier: Apache-2.0 */
/*
 * single: one node of a graph on its own, as the editor tries it, and what runs of drafts leave for
 * the next try. A single run is a run like any other: of a graph that holds nothing but the node,
 * and what lies in it when it is a container.
 */
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/map.h"
#include "flow/run.h"

/* --- the smaller graph (pure) --- */

enum { DEPTH_MAX = 100 };

static struct str around(const struct json *node)
{
	const struct json *data = json_get(node, S("data"));
	struct str loop = json_get_str(data, S("loop_id")),
		   parent = json_get_str(node, S("parentId"));
	return loop.len ? loop : parent.len ? parent : json_get_str(data, S("iteration_id"));
}

/* Does the node lie in the container, at any depth? */
static bool lies_in(const struct map *by_id, const struct json *node, struct str container)
{
	for (int depth = 0; node && depth < DEPTH_MAX; depth++) {
		struct str up = around(node);
		if (str_eq(up, container))
			return true;
		node = up.len ? map_get(by_id, up) : NULL;
	}
	return false;
}

static const struct json *index_nodes(const struct json *graph, struct str id, struct map *by_id)
{
	json_each(json_get(graph, S("nodes")), node)
		map_set(by_id, json_get_str(node, S("id")), node);
	const struct json *node = map_get(by_id, id);
	return str_eq(json_get_str(node, S("type")), S("custom-note")) ? NULL : node;
}

status flow_graph_single(struct arena *mem, const struct json *graph, struct str node_id,
			 struct json **out)
{
	struct map by_id = map_make(mem), kept = map_make(mem);
	struct json *o = json_obj(mem), *nodes = json_arr(mem), *edges = json_arr(mem);
	if (!node_id.len || !index_nodes(graph, node_id, &by_id))
		return err_set(ERR_NOT_FOUND, "the workflow has no node %.*s",
			       STR(str_sub(node_id, 0, 100)));
	json_each(json_get(graph, S("nodes")), node)
	{
		struct str id = json_get_str(node, S("id"));
		if (!str_eq(id, node_id) && !lies_in(&by_id, node, node_id))
			continue;
		map_set(&kept, id, node);
		json_push(mem, nodes, node);
	}
	json_each(json_get(graph, S("edges")), edge)
	{
		struct str from = json_get_str(edge, S("source")),
			   to = json_get_str(edge, S("target"));
		if (map_has(&kept, from) && map_has(&kept, to) && !str_eq(from, node_id) &&
		    !str_eq(to, node_id))
			json_push(mem, edges, edge);
	}
	json_set_str(mem, o, S(GRAPH_SINGLE), node_id);
	json_set(mem, o, S("nodes"), nodes);
	json_set(mem, o, S("edges"), edges);
	*out = o;
	return 0;
}

/* --- what drafts leave --- */

bool run_is_draft(const struct flow_run *run)
{
	const struct flow_info *i = &run->info;
	bool from = str_eq(i->from, S("debugging")) || str_eq(i->from, S(FLOW_SINGLE_STEP));
	bool graph = str_eq(i->app_mode, S("workflow")) || str_eq(i->app_mode, S("advanced-chat"));
	return run->flow->options.drafts.save && i->by_account && from && graph && !run->replay;
}

void run_note_ended(struct flow_run *run, const struct graph_node *n, struct str execution_id,
		    const struct node_result *r, bool failed)
{
	struct arena *mem = run->mem;
	if (!run_is_draft(run) || (n->row && n->row->flags & NODE_SILENT))
		return;
	struct json *o = json_obj(mem), *written = json_obj(mem);
	json_each(r->writes, w) if (str_eq(json_as_str(json_at(w, 0), S("")), S("conversation")))
		json_set(mem, written, json_as_str(json_at(w, 1), S("")), json_at(w, 2));
	json_set_str(mem, o, S("node_id"), n->id);
	json_set_str(mem, o, S("node_type"), n->type);
	json_set_str(mem, o, S("execution_id"), execution_id);
	json_set_bool(mem, o, S("failed"), failed);
	json_set(mem, o, S("outputs"), r->outputs);
	json_set(mem, o, S("written"), written);
	if (!run->ended)
		run->ended = json_arr(mem);
	json_push(mem, run->ended, o);
}

status drafts_store(struct flow_run *run, struct arena *mem, struct db_batch *batch)
{
	const struct flow_drafts *d = &run->flow->options.drafts;
	if (!run->ended || run->hook_failed)
		return 0;
	if (d->save(d->ctx, mem, &run->info, run->ended, batch) == 0)
		return 0;
	if (err_retryable(err_last()))
		return -1;
	/* The run ends all the same; this fiber is the one that ends the error. */
	log_err(LOG_ERROR, "values of draft run %.*s", STR(run->info.run_id));
	return 0;
}
