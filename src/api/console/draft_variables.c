/* SPDX-License-Identifier: Apache-2.0 */
/* draft_variables: the values that runs of a draft have left for the person who works on it. */
#include "api/console/console.h"

#include "app/draft.h"
#include "flow/file.h"
#include "flow/flow.h"

static struct draft_owner owner_of(const struct call *c)
{
	return (struct draft_owner){c->app->tenant_id, c->app->id, c->account->id};
}

static status need_draft(struct call *c, struct draft_owner *o, struct workflow **w)
{
	if (need_graph_app(c) ||
	    workflow_draft(c->s->apps, c->mem, c->account->tenant_id, c->app->id, w))
		return -1;
	*o = owner_of(c);
	return 0;
}

/* --- shapes --- */

/* Links in file objects are signed for a while only. */
static const struct json *fresh_value(struct call *c, const struct json *v)
{
	if (file_is(v))
		return file_fresh(c->s->flow, c->mem, v);
	if (!json_is(v, JSON_ARR) || !file_is(json_at(v, 0)))
		return v;
	struct json *out = json_arr(c->mem);
	json_each(v, it)
		json_push(c->mem, out, file_is(it) ? file_fresh(c->s->flow, c->mem, it) : it);
	return out;
}

static const struct json *whole_json(struct call *c, const struct draft_variable *v)
{
	struct json *o = json_obj(c->mem);
	if (!v->whole_bytes)
		return json_null(c->mem);
	json_set_int(c->mem, o, S("size_bytes"), v->whole_bytes);
	json_set_str(c->mem, o, S("value_type"), v->value_type);
	if (v->length >= 0)
		json_set_int(c->mem, o, S("length"), v->length);
	else
		json_set_null(c->mem, o, S("length"));
	json_set_str(c->mem, o, S("download_url"),
		     arena_printf(c->mem, "%.*s&as_attachment=true",
				  STR(file_signed_url(c->s->flow, c->mem, v->id))));
	return o;
}

static struct json *variable_json(struct call *c, const struct draft_variable *v)
{
	struct json *o = json_obj(c->mem), *selector = json_arr(c->mem);
	bool sys = str_eq(v->node_id, S(DRAFT_SYS)),
	     chat = str_eq(v->node_id, S(DRAFT_CONVERSATION));
	json_push_str(c->mem, selector, v->node_id);
	json_push_str(c->mem, selector, v->name);
	json_set_str(c->mem, o, S("id"), v->id);
	json_set_str(c->mem, o, S("type"), sys || chat ? v->node_id : S("node"));
	json_set_str(c->mem, o, S("name"), v->name);
	json_set_str(c->mem, o, S("description"), v->description);
	json_set(c->mem, o, S("selector"), selector);
	json_set_str(c->mem, o, S("value_type"), v->value_type);
	json_set_bool(c->mem, o, S("edited"), v->edited);
	json_set_bool(c->mem, o, S("visible"), v->visible);
	json_set_bool(c->mem, o, S("is_truncated"), v->whole_bytes > 0);
	if (v->value) {
		json_set(c->mem, o, S("value"), fresh_value(c, v->value));
		json_set(c->mem, o, S("full_content"), whole_json(c, v));
	}
	return o;
}

static struct json *list_json(struct call *c, const struct draft_variable *list, size_t n)
{
	struct json *o = json_obj(c->mem), *items = json_arr(c->mem);
	for (size_t i = 0; i < n; i++)
		json_push(c->mem, items, variable_json(c, &list[i]));
	json_set(c->mem, o, S("items"), items);
	return o;
}

/* --- lists --- */

status console_draft_variables(struct call *c)
{
	struct draft_owner o;
	struct workflow *w;
	struct draft_variable *list;
	int64_t page, limit, total;
	size_t n;
	if (need_draft(c, &o, &w) || call_query_int(c, S("page"), 1, 1, 100000, &page) ||
	    call_query_int(c, S("limit"), 20, 1, 100, &limit) ||
	    draft_list(c->s->apps, c->mem, &o, page, limit, &list, &n, &total))
		return -1;
	struct json *out = list_json(c, list, n);
	json_set_int(c->mem, out, S("total"), total);
	return reply_json(c, 200, out);
}

static status reply_node(struct call *c, const struct draft_owner *o, struct str node_id)
{
	struct draft_variable *list;
	size_t n;
	if (draft_of_node(c->s->apps, c->mem, o, node_id, false, &list, &n))
		return -1;
	return reply_json(c, 200, list_json(c, list, n));
}

static status need_node(struct call *c, struct draft_owner *o)
{
	if (need_graph_app(c))
		return -1;
	*o = owner_of(c);
	if (str_eq(c->param[1], S(DRAFT_SYS)) || str_eq(c->param[1], S(DRAFT_CONVERSATION)))
		return err_set(
			ERR_INVALID,
			"invalid node_id, please use correspond api for conversation and system "
			"variables, node_id=%.*s",
			STR(c->param[1]));
	return 0;
}

status console_draft_node_variables(struct call *c)
{
	struct draft_owner o;
	return need_node(c, &o) ? -1 : reply_node(c, &o, c->param[1]);
}

status console_draft_system_variables(struct call *c)
{
	if (need_graph_app(c))
		return -1;
	struct draft_owner o = owner_of(c);
	return reply_node(c, &o, S(DRAFT_SYS));
}

status console_draft_conversation_variables(struct call *c)
{
	struct draft_owner o;
	struct workflow *w;
	if (need_draft(c, &o, &w) || draft_fill_conversation(c->s->apps, c->mem, &o, w))
		return -1;
	return reply_node(c, &o, S(DRAFT_CONVERSATION));
}

/* --- one --- */

static status need_variable(struct call *c, struct draft_owner *o, struct draft_variable **v)
{
	if (need_graph_app(c))
		return -1;
	*o = owner_of(c);
	return draft_get(c->s->apps, c->mem, o, c->param[1], v);
}

status console_draft_variable(struct call *c)
{
	struct draft_owner o;
	struct draft_variable *v;
	return need_variable(c, &o, &v) ? -1 : reply_json(c, 200, variable_json(c, v));
}

/* Files come as descriptions and are kept as file objects. */
static status read_value(struct call *c, const struct draft_variable *v, const struct json **value)
{
	struct file_rules any = {0};
	struct json *list = json_arr(c->mem), *files;
	bool one = str_eq(v->value_type, S("file")), many = str_eq(v->value_type, S("array[file]"));
	*value = json_get(c->body, S("value"));
	if (json_is(*value, JSON_NULL))
		*value = NULL;
	if (!*value || (!one && !many))
		return 0;
	if (!json_is(*value, one ? JSON_OBJ : JSON_ARR))
		return err_set(ERR_INVALID,
			       one ? "value: expected a file" : "value: expected a list of files");
	if (one)
		json_push(c->mem, list, *value);
	if (files_from_input(c->s->flow, c->mem, c->app->tenant_id, one ? list : *value, &any,
			     &files))
		return -1;
	if (one && !json_len(files))
		return err_set(ERR_INVALID, "value: names no file");
	*value = one ? json_at(files, 0) : files;
	return 0;
}

status console_draft_variable_update(struct call *c)
{
	struct draft_owner o;
	struct draft_variable *v;
	const struct json *value;
	struct str name = S("");
	if (need_variable(c, &o, &v) || call_body(c) || take_text(c, S("name"), 255, &name) ||
	    read_value(c, v, &value))
		return -1;
	if (!name.len && !value)
		return reply_json(c, 200, variable_json(c, v));
	if (!v->editable)
		return err_set(ERR_INVALID, "variable %.*s cannot be changed", STR(v->name));
	if (draft_set(c->s->apps, c->mem, &o, v, name, value, true))
		return -1;
	return reply_json(c, 200, variable_json(c, v));
}

status console_draft_variable_remove(struct call *c)
{
	struct draft_owner o;
	struct draft_variable *v;
	if (need_variable(c, &o, &v) || draft_remove(c->s->apps, c->mem, &o, v->id, S("")))
		return -1;
	return reply_empty(c, 204);
}

status console_draft_node_remove(struct call *c)
{
	struct draft_owner o;
	if (need_node(c, &o) || draft_remove(c->s->apps, c->mem, &o, S(""), c->param[1]))
		return -1;
	return reply_empty(c, 204);
}

status console_draft_variables_remove(struct call *c)
{
	if (need_graph_app(c))
		return -1;
	struct draft_owner o = owner_of(c);
	if (draft_remove(c->s->apps, c->mem, &o, S(""), S("")))
		return -1;
	return reply_empty(c, 204);
}

/* --- as it was --- */

/* What the execution had given out; *value NULL: it is not kept any more. */
static status first_value(struct call *c, const struct draft_variable *v, const struct workflow *w,
			  const struct json **value)
{
	struct json *node;
	*value = NULL;
	if (str_eq(v->node_id, S(DRAFT_CONVERSATION))) {
		json_each(w->conversation_variables,
			  it) if (str_eq(json_get_str(it, S("name")), v->name)) *value =
			json_get(it, S("value"));
		return 0;
	}
	if (!v->run_id.len)
		return 0;
	if (flow_run_node(c->s->flow, c->mem, c->app->tenant_id, v->run_id, v->execution_id,
			  &node)) {
		if (err_code() != ERR_NOT_FOUND)
			return -1;
		err_clear();
		return 0;
	}
	bool sys = str_eq(v->node_id, S(DRAFT_SYS));
	*value = json_get(json_get(node, S("outputs")),
			  sys ? arena_printf(c->mem, "sys.%.*s", STR(v->name)) : v->name);
	return 0;
}

status console_draft_variable_reset(struct call *c)
{
	struct draft_owner o;
	struct workflow *w;
	struct draft_variable *v;
	const struct json *value;
	if (need_draft(c, &o, &w) || draft_get(c->s->apps, c->mem, &o, c->param[1], &v))
		return -1;
	if (!v->editable && str_eq(v->node_id, S(DRAFT_SYS)))
		return err_set(ERR_INVALID, "cannot reset system variable, variable_id=%.*s",
			       STR(v->id));
	if (!v->editable)
		return reply_json(c, 200, variable_json(c, v));
	if (first_value(c, v, w, &value))
		return -1;
	if (!value)
		return draft_remove(c->s->apps, c->mem, &o, v->id, S("")) || reply_empty(c, 204)
			       ? -1
			       : 0;
	if (draft_set(c->s->apps, c->mem, &o, v, S(""), value, false))
		return -1;
	return reply_json(c, 200, variable_json(c, v));
}
