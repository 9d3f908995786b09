/* SPDX-License-Identifier: Apache-2.0 */
/*
 * form: what a run asks people. A human-input node leaves a form; the row is stored with the event
 * that shows it, the run pauses when nothing else is left to do, and leaves memory.
 *
 *   waiting --submit--> submitted \
 *           --time out-> expired   >-- answers + 1, paused run becomes takeable, node runs again
 *           --run ends-> closed
 *
 * The run's row counts settled forms. Its holder pauses it only while it knows all of them, so an
 * answer that comes in the same moment makes the pause fail and the run goes on.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "flow/file.h"
#include "flow/recover.h"
#include "flow/run.h"
#include "sql_flow.h"
#include "store/broker/broker.h"
#include "store/db/db.h"

enum { FORM_TEXT_MAX = 200 << 10 }; /* bytes of one value: as much as a variable may hold */

static const struct str state_names[] = {
	[FORM_WAITING] = S_INIT("waiting"),
	[FORM_SUBMITTED] = S_INIT("submitted"),
	[FORM_EXPIRED] = S_INIT("expired"),
	[FORM_CLOSED] = S_INIT("closed"),
};

/* --- rows --- */

static status read_row(struct arena *mem, const struct db_rows *r, size_t i, struct flow_form *out)
{
	struct json *definition, *data;
	if (json_parse(mem, db_str_at(r, i, 7), &definition) ||
	    json_parse(mem, db_str_at(r, i, 9), &data))
		return err_wrap("form %.*s", STR(db_str_at(r, i, 0)));
	*out = (struct flow_form){
		.id = db_str_at(r, i, 0),
		.token = db_str_at(r, i, 1),
		.tenant_id = db_str_at(r, i, 2),
		.app_id = db_str_at(r, i, 3),
		.run_id = db_str_at(r, i, 4),
		.node_id = db_str_at(r, i, 5),
		.scope = db_str_at(r, i, 13),
		.state = FORM_CLOSED,
		.definition = definition,
		.action = db_str_at(r, i, 8),
		.data = data,
		.created_ms = db_int_at(r, i, 10),
		.expires_ms = db_int_at(r, i, 11),
		.answered_ms = db_int_at(r, i, 12),
	};
	for (size_t s = 0; s < countof(state_names); s++)
		if (str_eq(state_names[s], db_str_at(r, i, 6)))
			out->state = (enum form_state)s;
	return 0;
}

status flow_form_get(struct flow *f, struct arena *mem, struct str token, struct flow_form **out)
{
	struct db_rows *rows;
	if (DB_READ(f->options.db, mem, &sql_flow_form_get, &rows, db_text(token)))
		return -1;
	if (!rows->count)
		return err_set(ERR_NOT_FOUND, "Form not found");
	*out = arena_new(mem, struct flow_form);
	return read_row(mem, rows, 0, *out);
}

static status read_rows(struct arena *mem, const struct db_rows *rows, struct flow_form **out,
			size_t *n)
{
	struct flow_form *list = arena_array(mem, struct flow_form, rows->count);
	for (size_t i = 0; i < rows->count; i++)
		if (read_row(mem, rows, i, &list[i]))
			return -1;
	*out = list;
	*n = rows->count;
	return 0;
}

status flow_form_list(struct flow *f, struct arena *mem, struct str tenant_id, struct str app_id,
		      struct flow_form **out, size_t *n)
{
	struct db_rows *rows;
	if (DB_READ(f->options.db, mem, &sql_flow_form_list, &rows, db_text(tenant_id),
		    db_text(app_id)))
		return -1;
	return read_rows(mem, rows, out, n);
}

status flow_form_of_run(struct flow *f, struct arena *mem, struct str tenant_id, struct str run_id,
			struct flow_form **out, size_t *n)
{
	struct db_rows *rows;
	if (DB_READ(f->options.db, mem, &sql_flow_form_of_run, &rows, db_text(tenant_id),
		    db_text(run_id)))
		return -1;
	return read_rows(mem, rows, out, n);
}

/* --- inside a run --- */

static struct str key_of(struct arena *mem, struct str scope, struct str node_id)
{
	return arena_printf(mem, "%.*s|%.*s", STR(scope), STR(node_id));
}

static struct str keep_text(struct arena *mem, struct str s)
{
	return s.len ? arena_str(mem, s) : S("");
}

/* A copy that lives as long as the run does here. */
static struct flow_form *keep(struct flow_run *run, const struct flow_form *from)
{
	struct arena *mem = run->mem;
	struct flow_form *f = arena_new(mem, struct flow_form);
	*f = *from;
	f->id = keep_text(mem, from->id);
	f->token = keep_text(mem, from->token);
	f->tenant_id = run->info.tenant_id;
	f->app_id = run->info.app_id;
	f->run_id = run->info.run_id;
	f->node_id = keep_text(mem, from->node_id);
	f->scope = keep_text(mem, from->scope);
	f->definition = json_copy(mem, from->definition);
	f->action = keep_text(mem, from->action);
	f->data = json_copy(mem, from->data);
	return f;
}

static void remember(struct flow_run *run, struct flow_form *f)
{
	map_set(&run->forms, key_of(run->mem, f->scope, f->node_id), f);
}

/* A form changes once at most: what is known and still the same costs no memory again. */
status forms_load(struct flow_run *run)
{
	AUTO(arena) mem = { arena_open(0) };
	struct flow_form *list;
	size_t n;
	if (flow_form_of_run(run->flow, mem.p, run->info.tenant_id, run->info.run_id, &list, &n))
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct flow_form *known = form_find(run, list[i].scope, list[i].node_id);
		if (!known || known->state != list[i].state)
			remember(run, keep(run, &list[i]));
	}
	return 0;
}

const struct flow_form *form_find(const struct flow_run *run, struct str scope, struct str node_id)
{
	AUTO(arena) mem = { NULL };
	if (!run->forms.count)
		return NULL;
	mem.p = arena_open(0);
	return map_get(&run->forms, key_of(mem.p, scope, node_id));
}

/* Elements may have asked, and given up, while the batch was on its way. */
void forms_stored(struct flow_run *run, struct forms_count n)
{
	for (size_t i = 0; i < n.made; i++)
		remember(run, run->forms_new.at[i]);
	vec_drop_first(&run->forms_new, n.made);
	vec_drop_first(&run->forms_moot, n.moot);
}

status forms_reload(struct flow_run *run)
{
	AUTO(arena) mem = { arena_open(0) };
	struct db_rows *rows;
	if (DB_READ(run->flow->options.db, mem.p, &sql_flow_run_answers, &rows,
		    db_text(run->info.run_id), db_int(run->fence)))
		return -1;
	if (!rows->count) {
		run->lost = true;
		return err_set(ERR_STALE, "run %.*s was taken by another process",
			       STR(run->info.run_id));
	}
	/* First the count: forms that are settled after this are counted next time. */
	run->answers = db_int_at(rows, 0, 0);
	return forms_load(run);
}

/* The element or round, innermost last, as a list for pages. */
static struct json *place_of(struct arena *mem, const struct engine *e)
{
	struct json *list = json_arr(mem), *out = json_arr(mem);
	for (; e->parent; e = e->parent) {
		struct json *o = json_obj(mem);
		json_set_str(mem, o, S("node_id"), e->container->id);
		json_set_str(mem, o, S("node_type"), e->container->type);
		json_set_str(mem, o, S("title"), e->container->title);
		json_set_int(mem, o, S("index"), e->round);
		json_push(mem, list, o);
	}
	for (size_t i = list->len; i-- > 0;)
		json_push(mem, out, json_at(list, i));
	return out;
}

/* The same for clients, as the metadata of nodes has it: the innermost of each kind. */
static void add_place(struct arena *mem, struct json *o, const struct flow_form *f)
{
	json_each(json_get(f->definition, S("place")), at) {
		bool loop = str_eq(json_get_str(at, S("node_type")), S("loop"));
		json_set(mem, o, loop ? S("loop_id") : S("iteration_id"), json_get(at, S("node_id")));
		json_set(mem, o, loop ? S("loop_index") : S("iteration_index"), json_get(at, S("index")));
	}
}

static struct json *event_data(struct arena *mem, const struct flow_form *f)
{
	struct json *o = json_obj(mem), *none = json_arr(mem);
	const struct json *d = f->definition, *inputs = json_get(d, S("inputs"));
	bool webapp = json_get_bool(d, S("webapp"), true);
	json_set_str(mem, o, S("form_id"), f->id);
	json_set_str(mem, o, S("node_id"), f->node_id);
	json_set_str(mem, o, S("node_title"), json_get_str(d, S("node_title")));
	json_set_str(mem, o, S("form_content"), json_get_str(d, S("form_content")));
	json_set(mem, o, S("inputs"), inputs ? inputs : none);
	json_set(mem, o, S("actions"), json_get(d, S("user_actions")));
	json_set_bool(mem, o, S("display_in_ui"), false);
	json_set_str_or_null(mem, o, S("form_token"), webapp ? f->token : (struct str){ 0 });
	json_set(mem, o, S("resolved_default_values"), json_get(d, S("resolved_default_values")));
	json_set_int(mem, o, S("expiration_time"), f->expires_ms / 1000);
	add_place(mem, o, f);
	return o;
}

void form_wait(struct execution *x)
{
	struct engine *e = x->engine;
	struct flow_run *run = e->run;
	list_push(&e->waiting, &x->link);
	if (list_empty(&e->asking))
		list_push(&run->asking, &e->asking);
	/* Who is to answer must see what it is about. */
	held_let_through(e->held);
	if (x->run.form)
		return;
	struct flow_form made = *x->result.form;
	made.scope = e->scope;
	struct flow_form *form = keep(run, &made);
	if (e->parent) {
		struct json *definition = json_copy(run->mem, form->definition);
		json_set(run->mem, definition, S("place"), place_of(run->mem, e));
		form->definition = definition;
	}
	x->run.form = form;
	vec_push(run->mem, &run->forms_new, form);
	event_form(e, FLOW_FORM_REQUIRED, event_data(run->mem, form));
}

void form_leave(struct execution *x)
{
	list_remove(&x->link);
	if (list_empty(&x->engine->waiting))
		list_remove(&x->engine->asking);
}

void form_moot(struct execution *x)
{
	struct flow_run *run = x->engine->run;
	vec_push(run->mem, &run->forms_moot, x->run.form->id);
	run->done_waits = true;
}

void forms_moot_below(struct engine *e)
{
	list_each(&e->run->asking, l) {
		struct engine *asks = container_of(l, struct engine, asking), *up = asks;
		while (up && up != e)
			up = up->parent;
		if (up)
			list_each(&asks->waiting, w) form_moot(container_of(w, struct execution, link));
	}
}

static struct str action_title(const struct flow_form *f, struct str id)
{
	json_each(json_get(f->definition, S("user_actions")), a)
		if (str_eq(json_get_str(a, S("id")), id))
			return json_get_str(a, S("title"));
	return S("");
}

void form_tell(struct execution *x)
{
	struct arena *mem = x->engine->run->mem;
	const struct flow_form *f = x->run.form;
	struct json *o = json_obj(mem);
	if (x->form_told)
		return;
	x->form_told = true;
	json_set_str(mem, o, S("form_id"), f->id);
	json_set_str(mem, o, S("node_id"), f->node_id);
	json_set_str(mem, o, S("node_title"), json_get_str(f->definition, S("node_title")));
	if (f->state == FORM_SUBMITTED) {
		json_set_str(mem, o, S("rendered_content"),
			     json_get_str(x->result.outputs, S("__rendered_content")));
		json_set_str(mem, o, S("action_id"), f->action);
		json_set_str(mem, o, S("action_text"), action_title(f, f->action));
		json_set(mem, o, S("submitted_data"), f->data);
		add_place(mem, o, f);
		event_form(x->engine, FLOW_FORM_FILLED, o);
		return;
	}
	json_set_int(mem, o, S("expiration_time"), f->expires_ms / 1000);
	add_place(mem, o, f);
	event_form(x->engine, FLOW_FORM_TIMEOUT, o);
}

static void push_once(struct arena *mem, struct json *list, struct str id)
{
	json_each(list, have)
		if (str_eq(json_as_str(have, S("")), id))
			return;
	json_push_str(mem, list, id);
}

void form_reasons(const struct flow_run *run, struct json **nodes, struct json **reasons)
{
	struct arena *mem = run->mem;
	*nodes = json_arr(mem);
	*reasons = json_arr(mem);
	list_each(&run->asking, at) {
		const struct engine *e = container_of(at, struct engine, asking);
		list_each(&e->waiting, l) {
			const struct execution *x = container_of(l, struct execution, link);
			struct json *reason = json_obj(mem);
			push_once(mem, *nodes, x->node->id);
			json_set_str(mem, reason, S("TYPE"), S("human_input_required"));
			json_each_member(event_data(mem, x->run.form), m)
				json_set(mem, reason, m->name, &m->value);
			json_push(mem, *reasons, reason);
		}
	}
}

struct forms_count forms_store(struct flow_run *run, struct arena *mem, struct db_batch *batch)
{
	for (size_t i = 0; i < run->forms_new.len; i++) {
		const struct flow_form *f = run->forms_new.at[i];
		DB_ADD(batch, &sql_flow_form_add, DB_ANY, db_text(f->id), db_text(f->token),
		       db_text(run->info.tenant_id), db_text(run->info.app_id),
		       db_text(run->info.run_id), db_text(f->node_id),
		       db_text(json_text(mem, f->definition, JSON_COMPACT)), db_int(f->created_ms),
		       db_int(f->expires_ms), db_text(f->scope));
	}
	for (size_t i = 0; i < run->forms_moot.len; i++)
		DB_ADD(batch, &sql_flow_form_moot, DB_ANY, db_text(run->forms_moot.at[i]),
		       db_int(clock_ms()));
	return (struct forms_count){ run->forms_new.len, run->forms_moot.len };
}

void run_answered(struct flow_run *run)
{
	run->answered = true;
	if (run->top) {
		run->top->poked = true;
		event_wake_all(&run->top->wake);
	}
}

/* --- the answer --- */

static status refuse(struct str name, const char *what)
{
	return err_public(ERR_INVALID, "invalid_form_data", 400,
			  "Invalid value for input '%.*s': %s", STR(str_sub(name, 0, 100)), what);
}

status flow_form_check(const struct flow_form *f)
{
	if (f->state == FORM_SUBMITTED)
		return err_public(
			ERR_CONFLICT, "human_input_form_submitted", 412,
			"This form has already been submitted by another user, form_id=%.*s",
			STR(f->id));
	if (f->state != FORM_WAITING || f->expires_ms <= clock_ms())
		return err_public(ERR_CONFLICT, "human_input_form_expired", 412,
				  "This form has expired, form_id=%.*s", STR(f->id));
	return 0;
}

static status check_text(const struct json *v, struct str name)
{
	if (!json_is(v, JSON_STR))
		return refuse(name, "must be a string");
	struct str s = json_as_str(v, S(""));
	if (s.len > FORM_TEXT_MAX)
		return refuse(name, "longer than 200 KiB");
	if (str_find_char(s, '\0') != SIZE_MAX)
		return refuse(name, "holds a NUL character");
	return 0;
}

static status check_option(const struct json *row, const struct json *v, struct str name)
{
	if (check_text(v, name))
		return -1;
	json_each(json_get(row, S("options")), option)
		if (json_equal(option, v))
			return 0;
	return refuse(name, "not one of its options");
}

struct answer {
	struct flow *flow;
	struct arena *mem;
	const struct flow_form *form;
	struct json *data;
};

static status take_files(struct answer *a, const struct json *row, const struct json *v,
			 struct str name)
{
	bool many = str_eq(json_get_str(row, S("type")), S("file-list"));
	struct file_rules rules = {
		.types = json_get(row, S("allowed_file_types")),
		.extensions = json_get(row, S("allowed_file_extensions")),
		.methods = json_get(row, S("allowed_file_upload_methods")),
		.number_limit = many ? json_get_int(row, S("number_limits"), 0) : 1,
	};
	struct json *list = json_arr(a->mem), *files;
	if (!json_is(v, many ? JSON_ARR : JSON_OBJ))
		return refuse(name, many ? "must be a list of files" : "must be a file");
	if (!many)
		json_push(a->mem, list, v);
	if (files_from_input(a->flow, a->mem, a->form->tenant_id, many ? v : list, &rules,
			     &files)) {
		if (err_last()->code != ERR_INVALID)
			return -1;
		struct str why = arena_str(a->mem, err_text());
		return err_public(ERR_INVALID, "invalid_form_data", 400,
				  "Invalid value for input '%.*s': %.*s", STR(name), STR(why));
	}
	if (!many && !json_len(files))
		return refuse(name, "must be a file");
	json_set(a->mem, a->data, name, many ? files : json_at(files, 0));
	return 0;
}

static status take_input(struct answer *a, const struct json *row, const struct json *v)
{
	struct str name = json_get_str(row, S("output_variable_name")),
		   type = json_get_str(row, S("type"));
	if (str_starts(type, S("file")))
		return take_files(a, row, v, name);
	if (str_eq(type, S("select")) ? check_option(row, v, name) : check_text(v, name))
		return -1;
	json_set(a->mem, a->data, name, v);
	return 0;
}

/* All that the form asks for, nothing else. */
static status take_inputs(struct answer *a, const struct json *inputs)
{
	struct buf missing = buf_make(a->mem, 2048);
	json_each(json_get(a->form->definition, S("inputs")), row) {
		struct str name = json_get_str(row, S("output_variable_name"));
		const struct json *v = json_get(inputs, name);
		if (!v || v->type == JSON_NULL) {
			buf_printf(&missing, "%s%.*s", missing.len ? ", " : "", STR(name));
			continue;
		}
		if (take_input(a, row, v))
			return -1;
	}
	if (missing.len)
		return err_public(ERR_INVALID, "invalid_form_data", 400,
				  "Missing required inputs: %.*s", STR(buf_str(&missing)));
	return 0;
}

static status check_action(const struct flow_form *f, struct str action)
{
	json_each(json_get(f->definition, S("user_actions")), a)
		if (action.len && str_eq(json_get_str(a, S("id")), action))
			return 0;
	return err_public(ERR_INVALID, "invalid_form_data", 400, "Invalid action: %.*s",
			  STR(str_sub(action, 0, 100)));
}

/* Settles the form and lets its run go on, in one transaction. ERR_STALE: another was faster. */
static status settle(struct flow *f, struct arena *mem, struct str id, struct str run_id,
		     enum form_state state, struct str action, const struct json *data,
		     struct str by)
{
	struct db_batch *b = db_batch_open(mem);
	DB_ADD(b, &sql_flow_form_settle, 1, db_text(id), db_text(state_names[state]),
	       db_text(action), db_text(data ? json_text(mem, data, JSON_COMPACT) : S("{}")),
	       db_text(by.at ? by : S("")), db_int(clock_ms()));
	DB_ADD(b, &sql_flow_run_answered, DB_ANY, db_text(run_id));
	return db_commit(f->options.db, b);
}

/* The run goes on here, or in the process that holds it still. Whatever fails, a process that looks
 * for runs without holder finds it. */
static void go_on(struct flow *f, struct str run_id)
{
	struct flow_run *run = run_find(f, run_id);
	if (run && !run->gone && !run->lost && !run->pausing) {
		run_answered(run);
		return;
	}
	if (!f->draining && recover_run(f, run_id) == 0)
		return;
	if (err_code() != ERR_STALE && !f->draining)
		log_err(LOG_WARN, "run %.*s waits for another process", STR(run_id));
	if (topic_publish(f->options.broker, S("flow.answer"), run_id))
		err_clear();
}

status flow_form_submit(struct flow *f, struct arena *mem, const struct flow_form *form,
			struct str action, const struct json *inputs, struct str by)
{
	struct answer a = { .flow = f, .mem = mem, .form = form, .data = json_obj(mem) };
	if (flow_form_check(form) || check_action(form, action) || take_inputs(&a, inputs))
		return -1;
	if (settle(f, mem, form->id, form->run_id, FORM_SUBMITTED, action, a.data, by)) {
		struct flow_form *now;
		if (err_code() != ERR_STALE)
			return -1;
		if (flow_form_get(f, mem, form->token, &now) || flow_form_check(now))
			return -1;
		return err_set(ERR_CONFLICT, "The form was answered at the same moment");
	}
	go_on(f, form->run_id);
	return 0;
}

status flow_forms_expire(struct flow *f, size_t *n)
{
	AUTO(arena) mem = { arena_open(0) };
	struct db_rows *rows;
	*n = 0;
	if (DB_READ(f->options.db, mem.p, &sql_flow_form_due, &rows, db_int(clock_ms())))
		return -1;
	for (size_t i = 0; i < rows->count; i++) {
		struct str run_id = db_str_at(rows, i, 1);
		if (settle(f, mem.p, db_str_at(rows, i, 0), run_id, FORM_EXPIRED, S(""), NULL,
			   S(""))) {
			if (err_code() != ERR_STALE)
				return -1;
			continue; /* answered, or expired by another process */
		}
		++*n;
		go_on(f, run_id);
	}
	return 0;
}
