/* SPDX-License-Identifier: Apache-2.0 */
/* record: what is stored of runs, for the console's trace, the logs and the Service API. */
#include "base/arena.h"
#include "base/err.h"
#include "flow/run.h"
#include "sql_flow.h"
#include "store/db/db.h"

static struct flow_record read_row(struct arena *mem, const struct db_rows *r, size_t i)
{
	struct json *extra;
	struct flow_record o = {
		.info = {
			.run_id = db_str_at(r, i, 0), .task_id = db_str_at(r, i, 1),
			.tenant_id = db_str_at(r, i, 2), .app_id = db_str_at(r, i, 3),
			.workflow_id = db_str_at(r, i, 4), .app_mode = db_str_at(r, i, 5),
			.from = db_str_at(r, i, 6), .created_by = db_str_at(r, i, 7),
			.by_account = db_int_at(r, i, 8) != 0, .user = db_str_at(r, i, 9),
			.conversation_id = db_str_at(r, i, 10), .message_id = db_str_at(r, i, 11),
			.created_ms = db_int_at(r, i, 22),
		},
		.version = db_str_at(r, i, 12), .status = db_str_at(r, i, 14), .error = db_str_at(r, i, 15),
		.inputs = db_str_at(r, i, 16), .outputs = db_str_at(r, i, 17),
		.elapsed = db_float_at(r, i, 18), .total_tokens = db_int_at(r, i, 19),
		.total_steps = db_int_at(r, i, 20), .exceptions = db_int_at(r, i, 21),
		.created_ms = db_int_at(r, i, 22), .finished_ms = db_int_at(r, i, 23),
	};
	o.info.extra = json_parse(mem, db_str_at(r, i, 13), &extra) == 0 ? extra : json_obj(mem);
	return o;
}

status flow_run_get(struct flow *f, struct arena *mem, struct str tenant_id, struct str app_id,
		    struct str run_id, struct flow_record **out)
{
	struct db_rows *rows;
	if (DB_READ(f->options.db, mem, &sql_flow_run_get, &rows, db_text(tenant_id),
		    db_text(app_id.at ? app_id : S("")), db_text(run_id)))
		return -1;
	if (!rows->count)
		return err_set(ERR_NOT_FOUND, "Workflow run not found");
	*out = arena_new(mem, struct flow_record);
	**out = read_row(mem, rows, 0);
	(*out)->graph = db_str_at(rows, 0, 24);
	return 0;
}

status flow_run_last_event(struct flow *f, struct arena *mem, struct str run_id, int64_t *seq)
{
	struct db_rows *rows;
	const struct flow_run *run = run_find(f, run_id);
	if (!run && DB_READ(f->options.db, mem, &sql_flow_journal_last, &rows, db_text(run_id)))
		return -1;
	*seq = run ? run->shown : db_int_at(rows, 0, 0);
	return 0;
}

/* --- list --- */

static struct db_value text(struct str s)
{
	return db_text(s.at ? s : S(""));
}

/* LIKE pattern: the characters that mean something there match themselves as "any one". */
static struct str pattern(struct arena *mem, struct str keyword)
{
	if (!keyword.len)
		return S("");
	struct buf b = buf_make(mem, 0);
	buf_putc(&b, '%');
	for (size_t i = 0; i < keyword.len; i++)
		buf_putc(&b, keyword.at[i] == '%' || keyword.at[i] == '\\' ? '_' : keyword.at[i]);
	buf_putc(&b, '%');
	return buf_str(&b);
}

status flow_run_list(struct flow *f, struct arena *mem, struct str tenant_id, const struct flow_list *l,
		     struct flow_record **out, size_t *n, int64_t *total)
{
	int64_t limit = l->limit > 0 ? MIN(l->limit, 100) : 20, page = MAX(l->page, 1);
	struct str like = pattern(mem, l->keyword);
	struct db_rows *rows;
	if (total) {
		if (DB_READ(f->options.db, mem, &sql_flow_run_count, &rows, db_text(tenant_id),
			    text(l->app_id), text(l->status), text(l->from), db_text(like),
			    text(l->keyword), text(l->user_session), text(l->account_email),
			    db_int(l->before_ms), db_int(l->after_ms)))
			return -1;
		*total = db_int_at(rows, 0, 0);
	}
	if (DB_READ(f->options.db, mem, &sql_flow_run_list, &rows, db_text(tenant_id), text(l->app_id),
		    text(l->status), text(l->from), db_text(like), text(l->keyword),
		    text(l->user_session), text(l->account_email), db_int(l->before_ms),
		    db_int(l->after_ms), db_int(limit), db_int((page - 1) * limit), text(l->last_id)))
		return -1;
	*out = arena_array(mem, struct flow_record, rows->count);
	*n = rows->count;
	for (size_t i = 0; i < rows->count; i++)
		(*out)[i] = read_row(mem, rows, i);
	return 0;
}

/* --- node executions --- */

struct trace {
	struct arena *mem;
	struct json *list;
	struct map by_id; /* execution id, or container's node id -> place + 1 */
	const struct flow_record *run;
	int64_t containers;
};

static void set_people(struct trace *t, struct json *o)
{
	struct arena *mem = t->mem;
	const struct flow_info *i = &t->run->info;
	struct json *who = json_obj(mem);
	json_set_str(mem, o, S("created_by_role"), i->by_account ? S("account") : S("end_user"));
	const struct json *account = json_get(i->extra, S("created_by"));
	if (i->by_account) {
		json_set(mem, o, S("created_by_account"), json_is(account, JSON_OBJ) ? account : NULL);
		json_set_null(mem, o, S("created_by_end_user"));
		return;
	}
	json_set_null(mem, o, S("created_by_account"));
	json_set_str(mem, who, S("id"), i->created_by);
	json_set_str(mem, who, S("type"), S("service-api"));
	json_set_bool(mem, who, S("is_anonymous"), false);
	json_set_str(mem, who, S("session_id"), i->user);
	json_set(mem, o, S("created_by_end_user"), who);
}

static void set_or(struct trace *t, struct json *o, struct str name, const struct json *v, const struct json *other)
{
	json_set(t->mem, o, name, json_is(v, JSON_NULL) || !v ? other : v);
}

static struct json *row_of(struct trace *t, struct str id)
{
	uintptr_t place = (uintptr_t)map_get(&t->by_id, id);
	if (!place) {
		json_push(t->mem, t->list, json_obj(t->mem));
		place = t->list->len;
		map_set(&t->by_id, id, (void *)place);
	}
	return &t->list->items[place - 1];
}

/* d: data of a node event; more: what only the journal knows. Fills the row in recorded order. */
static void fill(struct trace *t, struct str id, const struct json *d, const struct json *more, bool done)
{
	struct arena *mem = t->mem;
	struct json *o = row_of(t, id), *empty = json_obj(mem);
	int64_t index = o - t->list->items + 1;
	const struct json *own = json_get(more, S("x")); /* a container's event has its node's id */
	json_set(mem, o, S("id"), own ? own : json_get(d, S("id")));
	json_set_int(mem, o, S("index"), index);
	json_set_null(mem, o, S("predecessor_node_id"));
	json_set(mem, o, S("node_id"), json_get(d, S("node_id")));
	json_set(mem, o, S("node_type"), json_get(d, S("node_type")));
	json_set(mem, o, S("title"), json_get(d, S("title")));
	set_or(t, o, S("inputs"), json_get(d, S("inputs")), empty);
	set_or(t, o, S("process_data"), json_get(d, S("process_data")), empty);
	set_or(t, o, S("outputs"), json_get(d, S("outputs")), empty);
	const struct json *state = json_get(more, S("state"));
	set_or(t, o, S("status"), state ? state : json_get(d, S("status")), json_str(mem, S("running")));
	const struct json *real = json_get(more, S("error"));
	json_set(mem, o, S("error"), real ? real : json_get(d, S("error")));
	set_or(t, o, S("elapsed_time"), json_get(d, S("elapsed_time")), json_float(mem, 0));
	set_or(t, o, S("execution_metadata"), json_get(d, S("execution_metadata")), empty);
	json_set(mem, o, S("extras"), empty);
	json_set(mem, o, S("created_at"), json_get(d, S("created_at")));
	set_people(t, o);
	json_set(mem, o, S("finished_at"), done ? json_get(d, S("finished_at")) : NULL);
	json_set_bool(mem, o, S("inputs_truncated"), false);
	json_set_bool(mem, o, S("outputs_truncated"), false);
	json_set_bool(mem, o, S("process_data_truncated"), false);
}

static status add_event(struct trace *t, const struct stored_event *e)
{
	struct json *d, *more = NULL;
	struct run_event ev = e->event;
	/* Containers that clients never see are in records only; what is in the others follows. */
	if (ev.type == FLOW_RECORD && !str_has(ev.replay, S("only")))
		return 0;
	if (ev.type == FLOW_RECORD && journal_open_record(t->mem, &e->event, &ev))
		return -1;
	enum flow_event_type type = ev.type;
	bool node = type == FLOW_NODE_STARTED || type == FLOW_NODE_FINISHED || type == FLOW_NODE_RETRY;
	bool container = type == FLOW_ITERATION_STARTED || type == FLOW_ITERATION_COMPLETED ||
			 type == FLOW_LOOP_STARTED || type == FLOW_LOOP_COMPLETED;
	bool done = type == FLOW_NODE_FINISHED || type == FLOW_ITERATION_COMPLETED || type == FLOW_LOOP_COMPLETED;
	if (!node && !container)
		return 0;
	if (json_parse(t->mem, ev.data, &d) || (ev.replay.len && json_parse(t->mem, ev.replay, &more)))
		return -1;
	struct str id = json_get_str(more, S("x"));
	if (!id.len)
		id = json_get_str(d, S("id"));
	if (type == FLOW_NODE_RETRY) {
		id = arena_printf(t->mem, "%.*s/%lld", STR(id), (long long)json_get_int(d, S("retry_index"), 0));
		fill(t, id, d, more, true);
		return 0;
	}
	fill(t, id, d, more, done);
	return 0;
}

status flow_run_node(struct flow *f, struct arena *mem, struct str tenant_id, struct str run_id,
		     struct str execution_id, struct json **out)
{
	struct json *nodes;
	if (flow_run_nodes(f, mem, tenant_id, run_id, &nodes))
		return -1;
	json_each(nodes, node)
		if (str_eq(json_get_str(node, S("id")), execution_id)) {
			*out = node;
			return 0;
		}
	return err_set(ERR_NOT_FOUND, "the run of this node is not kept any more");
}

status flow_run_nodes(struct flow *f, struct arena *mem, struct str tenant_id, struct str run_id, struct json **out)
{
	struct flow_record *run;
	struct trace t = { .mem = mem, .list = json_arr(mem), .by_id = map_make(mem) };
	*out = t.list;
	if (flow_run_get(f, mem, tenant_id, S(""), run_id, &run)) {
		if (err_code() != ERR_NOT_FOUND)
			return -1;
		err_clear();
		return 0;
	}
	t.run = run;
	for (int64_t after = 0;;) {
		struct stored_event *events;
		size_t n;
		if (journal_read(f, mem, run_id, after, &events, &n))
			return -1;
		if (!n)
			return 0;
		for (size_t i = 0; i < n; i++)
			if (add_event(&t, &events[i]))
				return -1;
		after = events[n - 1].seq;
	}
}
