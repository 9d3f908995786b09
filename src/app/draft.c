/* SPDX-License-Identifier: Apache-2.0 */
/* draft: the rows of draft_variables and draft_nodes. See draft.h. */
#include "app/draft.h"

#include "app/app_int.h"
#include "base/config.h"
#include "base/shorten.h"
#include "flow/flow.h"
#include "flow/pool.h"
#include "sql_app.h"

enum { FORGET_BATCH = 500 };

/* --- types --- */

/* Pages know one kind of number. */
static struct str shown_type(enum var_type t)
{
	return t == VAR_INTEGER || t == VAR_FLOAT ? S("number") : var_type_name(t);
}

/* A list that is empty fits each type of list, null fits nothing but null and files. */
static bool fits(struct str type, const struct json *v)
{
	enum var_type want = var_type_parse(type), have = var_infer(v);
	if (want == VAR_NONE || want == VAR_INFER)
		return true;
	if (want == VAR_NUMBER || want == VAR_INTEGER || want == VAR_FLOAT)
		return have == VAR_INTEGER || have == VAR_FLOAT;
	if (want == VAR_SECRET)
		return have == VAR_STRING;
	if (var_is_array(want) && json_is(v, JSON_ARR))
		return want == VAR_ARRAY_ANY || !v->len || have == want;
	return have == want;
}

/* --- rows --- */

static struct draft_variable from_row(const struct db_rows *r, size_t i)
{
	return (struct draft_variable){
		.id = db_str_at(r, i, 0),
		.node_id = db_str_at(r, i, 1),
		.name = db_str_at(r, i, 2),
		.description = db_str_at(r, i, 3),
		.value_type = db_str_at(r, i, 4),
		.whole_bytes = db_int_at(r, i, 5),
		.length = db_int_at(r, i, 6),
		.visible = db_int_at(r, i, 7) != 0,
		.editable = db_int_at(r, i, 8) != 0,
		.run_id = db_str_at(r, i, 9),
		.execution_id = db_str_at(r, i, 10),
		.edited = db_int_at(r, i, 11) != 0,
		.saved_ms = db_int_at(r, i, 12),
	};
}

static status from_rows(struct arena *mem, const struct db_rows *r, bool values,
			struct draft_variable **out, size_t *n)
{
	struct draft_variable *list = arena_array(mem, struct draft_variable, r->count);
	for (size_t i = 0; i < r->count; i++) {
		struct json *value = NULL;
		list[i] = from_row(r, i);
		if (values && json_stored(mem, db_str_at(r, i, 13), &value))
			return -1;
		list[i].value = value;
	}
	*out = list;
	*n = r->count;
	return 0;
}

/* A value as its row holds it. */
struct stored {
	struct str value, whole; /* whole.at NULL: it is not cut */
	int64_t whole_bytes, length;
};

static struct stored store_value(struct apps *a, struct arena *mem, const struct json *value)
{
	struct shorten_limits limits = shorten_limits_of(a->config);
	struct stored s = {.length = -1};
	bool cut = false, text = json_is(value, JSON_STR);
	const struct json *shown = shorten_value(mem, value, &limits, &cut);
	s.value = shown ? json_compact(mem, shown) : S("null");
	if (!cut)
		return s;
	s.whole = json_compact(mem, value);
	s.whole_bytes = text ? (int64_t)value->len : (int64_t)s.whole.len;
	if (!text)
		s.length = (int64_t)json_len(value);
	return s;
}

/* --- saving --- */

struct saver {
	struct apps *a;
	struct arena *mem;
	struct db_batch *batch;
	const struct draft_owner *owner;
	struct str run_id, execution_id;
	int64_t now, place;
	bool keep; /* what is there stays */
};

/* node, name, description, type, value; visible and editable as given, but what is cut is not. */
static void put(struct saver *s, const struct draft_variable *v)
{
	struct stored value = store_value(s->a, s->mem, v->value);
	DB_ADD(s->batch, s->keep ? &sql_app_draft_keep : &sql_app_draft_put, DB_ANY,
	       db_text(id_uuid(s->mem)), db_text(s->owner->tenant_id), db_text(s->owner->app_id),
	       db_text(s->owner->account_id), db_text(v->node_id), db_text(v->name),
	       db_text(v->description.len ? v->description : S("")), db_text(v->value_type),
	       db_text(value.value), db_text_or_null(value.whole), db_int(value.whole_bytes),
	       db_int(value.length), db_int(v->visible), db_int(v->editable && !value.whole.at),
	       db_text(s->run_id), db_text(s->execution_id), db_int(s->now), db_int(s->place++));
}

static void put_output(struct saver *s, struct str node, struct str name, const struct json *value)
{
	put(s, &(struct draft_variable){ .node_id = node, .name = name, .value = value,
					 .value_type = shown_type(var_infer(value)),
					 .visible = true, .editable = true });
}

/* Shows that the node has run. */
static void put_nothing(struct saver *s, struct str node)
{
	put(s, &(struct draft_variable){ .node_id = node, .name = S(DRAFT_NOTHING),
					 .value_type = S("none") });
}

static void put_system(struct saver *s, struct str name, const struct json *value)
{
	bool files = str_eq(name, S("files"));
	enum var_type type = files ? VAR_ARRAY_FILE : var_infer(value);
	put(s, &(struct draft_variable){ .node_id = S(DRAFT_SYS), .name = name, .value = value,
					 .value_type = shown_type(type), .visible = true,
					 .editable = files || str_eq(name, S("query")) });
}

/* Inputs of the form and system variables: "sys.query". */
static void put_start(struct saver *s, struct str node, const struct json *outputs)
{
	bool some = false;
	json_each_member(outputs, m)
	{
		if (str_starts(m->name, S("sys."))) {
			put_system(s, str_skip(m->name, 4), &m->value);
		} else {
			put_output(s, node, m->name, &m->value);
			some = true;
		}
	}
	if (!some)
		put_nothing(s, node);
}

/* What changes with every call, or is of no use to anybody else. */
static bool is_inner(struct str type, struct str name)
{
	return (str_eq(type, S("llm")) && str_eq(name, S("finish_reason"))) ||
	       (str_eq(type, S("loop")) && str_eq(name, S("loop_round")));
}

static void put_node(struct saver *s, const struct json *node)
{
	struct str id = json_get_str(node, S("node_id")), type = json_get_str(node, S("node_type"));
	const struct json *given = json_get(node, S("outputs"));
	struct json *outputs = json_obj(s->mem);
	if (json_is(given, JSON_OBJ)) /* lists show the latest first, and then by name */
		outputs = json_by_name(s->mem, given);
	json_each_member(json_get(node, S("written")), m)
		put_output(s, S(DRAFT_CONVERSATION), m->name, &m->value);
	if (str_eq(type, S("assigner"))) {
		put_nothing(s, id);
	} else if (str_eq(type, S("start")) || str_starts(type, S("trigger-"))) {
		put_start(s, id, outputs);
	} else {
		json_each_member(outputs, m) if (!is_inner(type, m->name))
			put_output(s, id, m->name, &m->value);
	}
}

status draft_save(void *apps, struct arena *mem, const struct flow_info *info,
		  const struct json *nodes, struct db_batch *b)
{
	struct apps *a = apps;
	struct draft_owner owner = {info->tenant_id, info->app_id, info->created_by};
	struct saver s = {.a = a,
			  .mem = mem,
			  .batch = b,
			  .owner = &owner,
			  .run_id = info->run_id,
			  .now = clock_ms()};
	json_each(nodes, node)
	{
		s.execution_id = json_get_str(node, S("execution_id"));
		DB_ADD(b, &sql_app_draft_node_put, DB_ANY, db_text(owner.tenant_id),
		       db_text(owner.app_id), db_text(json_get_str(node, S("node_id"))),
		       db_text(info->run_id), db_text(s.execution_id), db_int(s.now));
		if (!json_get_bool(node, S("failed"), false))
			put_node(&s, node);
	}
	int64_t most = config_int(a->config, CONFIG_TATARA_DRAFT_VARIABLES_MAX);
	if (most > 0)
		DB_ADD(b, &sql_app_draft_trim, DB_ANY, db_text(owner.tenant_id),
		       db_text(owner.app_id), db_text(owner.account_id), db_int(most));
	return 0;
}

status draft_fill_conversation(struct apps *a, struct arena *mem, const struct draft_owner *o,
			       const struct workflow *w)
{
	struct saver s = {.a = a,
			  .mem = mem,
			  .batch = db_batch_open(mem),
			  .owner = o,
			  .run_id = S(""),
			  .execution_id = S(""),
			  .now = clock_ms(),
			  .keep = true};
	json_each(w->conversation_variables, v)
	{
		enum var_type type = var_type_parse(json_get_str(v, S("value_type")));
		put(&s, &(struct draft_variable){ .node_id = S(DRAFT_CONVERSATION),
						  .name = json_get_str(v, S("name")),
						  .description = json_get_str(v, S("description")),
						  .value_type = shown_type(type),
						  .value = json_get(v, S("value")),
						  .visible = true, .editable = true });
	}
	return json_len(w->conversation_variables) ? db_commit(a->db, s.batch) : 0;
}

/* --- reading --- */

status draft_list(struct apps *a, struct arena *mem, const struct draft_owner *o, int64_t page,
		  int64_t limit, struct draft_variable **out, size_t *n, int64_t *total)
{
	struct db_rows *rows;
	if (DB_READ(a->db, mem, &sql_app_draft_count, &rows, db_text(o->tenant_id),
		    db_text(o->app_id), db_text(o->account_id)))
		return -1;
	*total = db_int_at(rows, 0, 0);
	if (DB_READ(a->db, mem, &sql_app_draft_list, &rows, db_text(o->tenant_id),
		    db_text(o->app_id), db_text(o->account_id), db_int(limit),
		    db_int((page - 1) * limit)))
		return -1;
	return from_rows(mem, rows, false, out, n);
}

status draft_of_node(struct apps *a, struct arena *mem, const struct draft_owner *o,
		     struct str node_id, bool whole, struct draft_variable **out, size_t *n)
{
	struct db_rows *rows;
	if (DB_READ(a->db, mem, &sql_app_draft_of_node, &rows, db_text(o->tenant_id),
		    db_text(o->app_id), db_text(o->account_id), db_text(node_id), db_int(whole)))
		return -1;
	return from_rows(mem, rows, true, out, n);
}

status draft_get(struct apps *a, struct arena *mem, const struct draft_owner *o, struct str id,
		 struct draft_variable **out)
{
	struct db_rows *rows;
	size_t n;
	if (DB_READ(a->db, mem, &sql_app_draft_get, &rows, db_text(o->tenant_id),
		    db_text(o->app_id), db_text(o->account_id), db_text(id)) ||
	    from_rows(mem, rows, true, out, &n))
		return -1;
	return n ? 0 : err_set(ERR_NOT_FOUND, "variable not found, id=%.*s", STR(id));
}

status draft_whole(struct apps *a, struct arena *mem, struct str id, struct str *name,
		   struct str *text)
{
	struct db_rows *rows;
	struct json *value;
	if (DB_READ(a->db, mem, &sql_app_draft_whole, &rows, db_text(id)))
		return -1;
	if (!rows->count)
		return err_set(ERR_NOT_FOUND, "File not found or signature is invalid");
	if (json_stored(mem, db_str_at(rows, 0, 3), &value))
		return -1;
	bool plain = value->type == JSON_STR;
	*text = plain ? json_as_str(value, S("")) : db_str_at(rows, 0, 3);
	*name = arena_printf(mem, "%.*s-%.*s.%s", STR(db_str_at(rows, 0, 0)),
			     STR(db_str_at(rows, 0, 1)), plain ? "txt" : "json");
	return 0;
}

status draft_last_run(struct apps *a, struct arena *mem, struct str tenant_id, struct str app_id,
		      struct str node_id, struct str *run_id, struct str *execution_id)
{
	struct db_rows *rows;
	if (DB_READ(a->db, mem, &sql_app_draft_node_get, &rows, db_text(tenant_id), db_text(app_id),
		    db_text(node_id)))
		return -1;
	if (!rows->count)
		return err_set(ERR_NOT_FOUND, "last run not found");
	*run_id = db_str_at(rows, 0, 0);
	*execution_id = db_str_at(rows, 0, 1);
	return 0;
}

/* --- changing --- */

status draft_set(struct apps *a, struct arena *mem, const struct draft_owner *o,
		 struct draft_variable *v, struct str name, const struct json *value, bool edited)
{
	struct draft_variable *now;
	struct str type = v->value_type;
	int64_t most = config_int(a->config, CONFIG_MAX_VARIABLE_SIZE);
	name = name.len ? name : v->name;
	if (!value)
		value = v->value;
	if (!fits(type, value))
		return err_set(ERR_INVALID,
			       "value: variable %.*s is of type %.*s, and this is %.*s",
			       STR(v->name), STR(type), STR(shown_type(var_infer(value))));
	if (edited && most > 0 && (int64_t)json_compact(mem, value).len > most)
		return err_set(ERR_INVALID,
			       "value: variable %.*s exceeds the maximum size of %lld bytes",
			       STR(v->name), (long long)most);
	if (str_eq(type, S("none")))
		type = shown_type(var_infer(value));
	struct stored s = store_value(a, mem, value);
	if (DB_WRITE(a->db, mem, &sql_app_draft_set, 1, NULL, db_text(o->tenant_id),
		     db_text(o->app_id), db_text(o->account_id), db_text(v->id), db_text(name),
		     db_text(type), db_text(s.value), db_text_or_null(s.whole),
		     db_int(s.whole_bytes), db_int(s.length), db_int(edited ? clock_ms() : 0))) {
		if (err_code() == ERR_CONFLICT)
			return err_set(ERR_INVALID, "name: %.*s is the name of another variable",
				       STR(name));
		return err_code() == ERR_STALE
			       ? err_set(ERR_NOT_FOUND, "variable not found, id=%.*s", STR(v->id))
			       : -1;
	}
	if (draft_get(a, mem, o, v->id, &now))
		return -1;
	*v = *now;
	return 0;
}

status draft_remove(struct apps *a, struct arena *mem, const struct draft_owner *o, struct str id,
		    struct str node_id)
{
	return DB_WRITE(a->db, mem, &sql_app_draft_remove, DB_ANY, NULL, db_text(o->tenant_id),
			db_text(o->app_id), db_text(o->account_id), db_text(id), db_text(node_id));
}

status draft_forget(struct apps *a, int64_t before_ms, int64_t *total)
{
	AUTO(arena) mem = {arena_open(0)};
	*total = 0;
	for (int64_t n = FORGET_BATCH; n == FORGET_BATCH; *total += n) {
		AUTO(arena) step = {arena_open(0)};
		struct db_rows *rows;
		if (DB_WRITE(a->db, step.p, &sql_app_draft_forget, DB_ANY, &rows, db_int(before_ms),
			     db_int(FORGET_BATCH)))
			return -1;
		n = rows->changed;
	}
	return DB_WRITE(a->db, mem.p, &sql_app_draft_node_forget, DB_ANY, NULL, db_int(before_ms));
}
