/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trigger-webhook, trigger-schedule: the first nodes of runs that were started from outside
 * (workflow.md 7.20, 7.21). What came is checked where it came in; here it is given out by name.
 */
#include "base/arena.h"
#include "flow/node/node.h"

static void give_system(struct node_run *run)
{
	json_each_member(run->inputs, m)
		if (str_starts(m->name, S("sys.")))
			node_output(run, m->name, &m->value);
}

static void show_inputs(struct node_run *run)
{
	json_each_member(run->inputs, m)
		if (!str_starts(m->name, S("sys.")))
			node_input(run, m->name, &m->value);
}

status node_schedule_exec(struct node_run *run)
{
	show_inputs(run);
	json_each_member(run->inputs, m)
		if (!str_starts(m->name, S("sys.")))
			node_output(run, m->name, &m->value);
	give_system(run);
	return 0;
}

/* Letters without case, "-" and "_" alike. */
static bool same_header(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		char x = a.at[i] == '-' ? '_' : a.at[i], y = b.at[i] == '-' ? '_' : b.at[i];
		if (!str_eq_nocase(str_of(&x, 1), str_of(&y, 1)))
			return false;
	}
	return true;
}

static const struct json *header_of(const struct json *headers, struct str name)
{
	json_each_member(headers, m)
		if (same_header(m->name, name))
			return &m->value;
	return NULL;
}

static struct str underscored(struct arena *mem, struct str name)
{
	char *out = arena_text(mem, name.len);
	for (size_t i = 0; i < name.len; i++)
		out[i] = name.at[i] == '-' ? '_' : name.at[i];
	return str_of(out, name.len);
}

static const struct json *body_value(struct node_run *run, const struct json *raw,
				     const struct json *row)
{
	const struct json *body = json_get(raw, S("body"));
	struct str name = json_get_str(row, S("name")),
		   type = json_get_str(run->data, S("content_type"));
	/* A text or a file is one value: each declared name gets the whole. */
	if (str_eq(type, S("text/plain")) || str_eq(type, S("application/octet-stream")))
		return json_get(body, S("raw"));
	if (str_eq(json_get_str(row, S("type")), S("file")))
		return json_get(json_get(raw, S("files")), name);
	return json_get(body, name);
}

status node_webhook_exec(struct node_run *run)
{
	const struct json *raw = json_get(run->inputs, S("webhook_data"));
	show_inputs(run);
	json_each(json_get(run->data, S("headers")), row) {
		struct str name = json_get_str(row, S("name"));
		node_output(run, underscored(run->mem, name),
			    header_of(json_get(raw, S("headers")), name));
	}
	json_each(json_get(run->data, S("params")), row) {
		struct str name = json_get_str(row, S("name"));
		node_output(run, name, json_get(json_get(raw, S("query_params")), name));
	}
	json_each(json_get(run->data, S("body")), row)
		node_output(run, json_get_str(row, S("name")), body_value(run, raw, row));
	struct json *none = json_obj(run->mem);
	node_output(run, S("_webhook_raw"), raw ? raw : none);
	give_system(run);
	return 0;
}
