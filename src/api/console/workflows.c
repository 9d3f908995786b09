/* SPDX-License-Identifier: Apache-2.0 */
/* workflows: draft, publishing, versions of workflow and chatflow apps. */
#include "api/console/console.h"

static struct json *variables_json(struct call *c, const struct json *list, bool environment)
{
	struct json *out = json_arr(c->mem);
	json_each(list, it) {
		struct json *v = json_obj(c->mem);
		bool secret = str_eq(json_get_str(it, S("value_type")), S("secret"));
		json_set(c->mem, v, S("id"), json_get(it, S("id")));
		json_set(c->mem, v, S("name"), json_get(it, S("name")));
		if (!environment)
			json_set(c->mem, v, S("value_type"), json_get(it, S("value_type")));
		if (environment && secret)
			json_set_str(c->mem, v, S("value"), S(WORKFLOW_SECRET_MASK));
		else
			json_set(c->mem, v, S("value"), json_get(it, S("value")));
		if (environment)
			json_set(c->mem, v, S("value_type"), json_get(it, S("value_type")));
		json_set(c->mem, v, S("description"), json_get(it, S("description")));
		json_push(c->mem, out, v);
	}
	return out;
}

static status workflow_json(struct call *c, const struct workflow *w, struct json **out)
{
	struct json *o = json_obj(c->mem), *created, *updated;
	if (person_json(c, w->created_by, &created) || person_json(c, w->updated_by, &updated))
		return -1;
	json_set_str(c->mem, o, S("id"), w->id);
	json_set(c->mem, o, S("graph"), w->graph);
	json_set(c->mem, o, S("features"), w->features);
	json_set_str(c->mem, o, S("hash"), w->hash);
	json_set_str(c->mem, o, S("version"), w->version);
	json_set_str(c->mem, o, S("marked_name"), w->marked_name);
	json_set_str(c->mem, o, S("marked_comment"), w->marked_comment);
	json_set(c->mem, o, S("created_by"), created);
	put_time(c->mem, o, S("created_at"), w->created_ms);
	json_set(c->mem, o, S("updated_by"), updated);
	put_time(c->mem, o, S("updated_at"), w->updated_ms);
	json_set_bool(c->mem, o, S("tool_published"), false);
	json_set(c->mem, o, S("environment_variables"),
		 variables_json(c, w->environment_variables, true));
	json_set(c->mem, o, S("conversation_variables"),
		 variables_json(c, w->conversation_variables, false));
	const struct json *pipeline = json_get(w->extra, S("rag_pipeline_variables"));
	json_set(c->mem, o, S("rag_pipeline_variables"),
		 json_is(pipeline, JSON_ARR) ? pipeline : json_arr(c->mem));
	*out = o;
	return 0;
}

static status reply_workflow(struct call *c, const struct workflow *w)
{
	struct json *o;
	return workflow_json(c, w, &o) ? -1 : reply_json(c, 200, o);
}

status console_draft_get(struct call *c)
{
	struct workflow *w;
	if (need_graph_app(c) ||
	    workflow_draft(c->s->apps, c->mem, c->account->tenant_id, c->app->id, &w))
		return -1;
	return reply_workflow(c, w);
}

status console_draft_save(struct call *c)
{
	struct workflow in = { 0 }, *w;
	struct str hash = S("");
	if (need_graph_app(c) || body_any_type(c) || take_text(c, S("hash"), 100, &hash))
		return -1;
	in.graph = json_get(c->body, S("graph"));
	in.features = json_get(c->body, S("features"));
	in.environment_variables = json_get(c->body, S("environment_variables"));
	in.conversation_variables = json_get(c->body, S("conversation_variables"));
	if (!json_is(in.graph, JSON_OBJ))
		return err_set(ERR_INVALID, in.graph ? "graph: Input should be a valid dictionary"
						     : "graph: Field required");
	if (!json_is(in.features, JSON_OBJ))
		return err_set(ERR_INVALID, in.features ? "features: Input should be a valid dictionary"
							: "features: Field required");
	if (workflow_save_draft(c->s->apps, c->mem, c->account->tenant_id, c->app->id, &in, hash,
				c->account->id, &w))
		return -1;
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("result"), S("success"));
	json_set_str(c->mem, o, S("hash"), w->hash);
	put_time(c->mem, o, S("updated_at"), w->updated_ms);
	return reply_json(c, 200, o);
}

status console_draft_environment(struct call *c)
{
	struct workflow *w;
	if (need_graph_app(c) ||
	    workflow_draft(c->s->apps, c->mem, c->account->tenant_id, c->app->id, &w))
		return -1;
	struct json *o = json_obj(c->mem), *items = json_arr(c->mem);
	json_each(variables_json(c, w->environment_variables, true), it) {
		struct json *selector = json_arr(c->mem);
		json_push_str(c->mem, selector, S("env"));
		json_push_str(c->mem, selector, json_get_str(it, S("name")));
		json_set_str(c->mem, it, S("type"), S("env"));
		json_set(c->mem, it, S("selector"), selector);
		json_set_bool(c->mem, it, S("edited"), false);
		json_set_bool(c->mem, it, S("visible"), true);
		json_set_bool(c->mem, it, S("editable"), true);
		json_push(c->mem, items, it);
	}
	json_set(c->mem, o, S("items"), items);
	return reply_json(c, 200, o);
}

/* An app that was never published answers with nothing but nulls, as recorded. */
static status reply_unpublished(struct call *c)
{
	static const struct str names[] = {
		S_INIT("id"),	       S_INIT("graph"),		 S_INIT("features"),
		S_INIT("hash"),	       S_INIT("version"),	 S_INIT("marked_name"),
		S_INIT("marked_comment"), S_INIT("created_by"),	 S_INIT("created_at"),
		S_INIT("updated_by"),  S_INIT("updated_at"),	 S_INIT("tool_published"),
		S_INIT("environment_variables"), S_INIT("conversation_variables"),
		S_INIT("rag_pipeline_variables")
	};
	struct json *o = json_obj(c->mem), *who = json_obj(c->mem);
	json_set_null(c->mem, who, S("id"));
	json_set_null(c->mem, who, S("name"));
	json_set_null(c->mem, who, S("email"));
	for (size_t i = 0; i < countof(names); i++)
		json_set_null(c->mem, o, names[i]);
	json_set(c->mem, o, S("created_by"), who);
	return reply_json(c, 200, o);
}

status console_publish_get(struct call *c)
{
	struct workflow *w;
	if (need_graph_app(c))
		return -1;
	if (!c->app->workflow_id.len)
		return reply_unpublished(c);
	if (workflow_published(c->s->apps, c->mem, c->app, &w))
		return -1;
	return reply_workflow(c, w);
}

status console_publish(struct call *c)
{
	struct str name = S(""), comment = S("");
	struct workflow *w;
	/* The body may be left out altogether. */
	if (need_graph_app(c) || (c->http->body_length != 0 && body_any_type(c)) ||
	    take_text(c, S("marked_name"), 20, &name) ||
	    take_text(c, S("marked_comment"), 100, &comment) ||
	    workflow_publish(c->s->apps, c->mem, c->account->tenant_id, c->app->id, name, comment,
			     c->account->id, &w))
		return -1;
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("result"), S("success"));
	put_time(c->mem, o, S("created_at"), w->created_ms);
	return reply_json(c, 200, o);
}

status console_versions(struct call *c)
{
	struct workflow *list;
	size_t n;
	int64_t page, limit;
	bool more, named = str_eq(http_query(c->http, S("named_only")), S("true"));
	if (need_graph_app(c) || need_page(c, 10, &page, &limit) ||
	    workflow_versions(c->s->apps, c->mem, c->account->tenant_id, c->app->id, named, page,
			      limit, &list, &n, &more))
		return -1;
	struct json *o = json_obj(c->mem), *items = json_arr(c->mem);
	for (size_t i = 0; i < n; i++) {
		struct json *row;
		if (workflow_json(c, &list[i], &row))
			return -1;
		json_push(c->mem, items, row);
	}
	json_set(c->mem, o, S("items"), items);
	json_set_int(c->mem, o, S("page"), page);
	json_set_int(c->mem, o, S("limit"), limit);
	json_set_bool(c->mem, o, S("has_more"), more);
	return reply_json(c, 200, o);
}

status console_version_update(struct call *c)
{
	struct str name = { 0 }, comment = { 0 };
	struct workflow *w;
	if (need_graph_app(c) || call_body(c) || take_text(c, S("marked_name"), 20, &name) ||
	    take_text(c, S("marked_comment"), 100, &comment))
		return -1;
	if (!name.at && !comment.at)
		return err_set(ERR_INVALID, "No valid fields to update");
	if (workflow_mark(c->s->apps, c->account->tenant_id, c->app->id, c->param[1], name, comment,
			  c->account->id) ||
	    workflow_by_id(c->s->apps, c->mem, c->account->tenant_id, c->app->id, c->param[1], &w))
		return -1;
	return reply_workflow(c, w);
}

status console_version_remove(struct call *c)
{
	if (need_graph_app(c) ||
	    workflow_remove(c->s->apps, c->account->tenant_id, c->app->id, c->param[1]))
		return -1;
	return reply_empty(c, 204);
}
