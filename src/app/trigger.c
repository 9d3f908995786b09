/* SPDX-License-Identifier: Apache-2.0 */
/* trigger: see trigger.h. */
#include "app/trigger.h"

#include "app/app_int.h"
#include "app/cron.h"
#include "os/zone.h"
#include "sql_app.h"

static const struct str WEBHOOK = S_INIT("trigger-webhook"), SCHEDULE = S_INIT("trigger-schedule"),
			PLUGIN = S_INIT("trigger-plugin");

/* --- rows --- */

static struct trigger from_row(const struct db_rows *r, size_t i)
{
	return (struct trigger){
		.id = db_str_at(r, i, 0),
		.tenant_id = db_str_at(r, i, 1),
		.app_id = db_str_at(r, i, 2),
		.node_id = db_str_at(r, i, 3),
		.type = db_str_at(r, i, 4),
		.title = db_str_at(r, i, 5),
		.provider = db_str_at(r, i, 6),
		.enabled = db_int_at(r, i, 7) != 0,
		.webhook_id = db_str_at(r, i, 8),
		.next_ms = db_int_at(r, i, 9),
		.created_ms = db_int_at(r, i, 10),
		.updated_ms = db_int_at(r, i, 11),
	};
}

static void from_rows(struct arena *mem, const struct db_rows *rows, struct trigger **out,
		      size_t *n)
{
	struct trigger *list = arena_array(mem, struct trigger, rows->count);
	for (size_t i = 0; i < rows->count; i++)
		list[i] = from_row(rows, i);
	*out = list;
	*n = rows->count;
}

status trigger_list(struct apps *a, struct arena *mem, struct str tenant_id, struct str app_id,
		    struct trigger **out, size_t *n)
{
	struct db_rows *rows;
	if (DB_READ(a->db, mem, &sql_app_trigger_list, &rows, db_text(tenant_id), db_text(app_id)))
		return -1;
	from_rows(mem, rows, out, n);
	return 0;
}

status trigger_webhook(struct apps *a, struct arena *mem, struct str webhook_id,
		       struct trigger **out)
{
	struct db_rows *rows;
	if (DB_READ(a->db, mem, &sql_app_trigger_webhook, &rows, db_text(webhook_id)))
		return -1;
	if (!rows->count)
		return err_set(ERR_NOT_FOUND, "Webhook not found: %.*s",
			       STR(str_sub(webhook_id, 0, 60)));
	*out = arena_new(mem, struct trigger);
	**out = from_row(rows, 0);
	return 0;
}

/* --- publishing --- */

static bool is_trigger(struct str type)
{
	return str_eq(type, WEBHOOK) || str_eq(type, SCHEDULE) || str_eq(type, PLUGIN);
}

const struct json *trigger_node(const struct json *graph, struct str node_id, struct str type)
{
	json_each(json_get(graph, S("nodes")), node) {
		const struct json *data = json_get(node, S("data"));
		if (str_eq(json_get_str(node, S("id")), node_id) &&
		    str_eq(json_get_str(data, S("type")), type))
			return data;
	}
	return NULL;
}

status trigger_next(struct arena *mem, const struct json *data, int64_t after_ms, int64_t *out)
{
	struct cron cron;
	struct str name;
	struct zone *zone;
	if (cron_of_node(mem, data, &cron, &name))
		return -1;
	if (zone_open(mem, name, &zone)) {
		if (err_code() != ERR_NOT_FOUND)
			return -1;
		return err_set(ERR_INVALID,
			       "timezone: '%.*s' is not a time zone such as Europe/Paris",
			       STR(str_sub(name, 0, 60)));
	}
	*out = cron_next(&cron, zone, after_ms / 1000) * 1000;
	return 0;
}

static status count_triggers(const struct json *graph)
{
	size_t webhooks = 0, schedules = 0;
	json_each(json_get(graph, S("nodes")), node) {
		struct str type = json_get_str(json_get(node, S("data")), S("type"));
		webhooks += str_eq(type, WEBHOOK);
		schedules += str_eq(type, SCHEDULE);
	}
	if (webhooks > TRIGGER_WEBHOOKS_MAX)
		return err_set(ERR_INVALID,
			       "A workflow can have at most %d webhook triggers; this one has %zu",
			       TRIGGER_WEBHOOKS_MAX, webhooks);
	if (schedules > TRIGGER_SCHEDULES_MAX)
		return err_set(ERR_INVALID,
			       "A workflow can have one schedule trigger; this one has %zu",
			       schedules);
	return 0;
}

static status put_node(struct arena *mem, struct db_batch *b, const struct trigger *t,
		       const struct json *data)
{
	int64_t next = 0, now = clock_ms();
	if (str_eq(t->type, SCHEDULE) && trigger_next(mem, data, now, &next)) {
		if (err_code() != ERR_INVALID)
			return -1;
		struct str why = arena_str(mem, err_text());
		return err_set(ERR_INVALID, "node '%.*s': %.*s",
			       STR(t->title.len ? t->title : t->node_id), STR(why));
	}
	struct str webhook =
		str_eq(t->type, WEBHOOK) ? id_token(mem, TRIGGER_WEBHOOK_ID_LEN) : S("");
	DB_ADD(b, &sql_app_trigger_put, 1, db_text(id_uuid7(mem)), db_text(t->tenant_id),
	       db_text(t->app_id), db_text(t->node_id), db_text(t->type), db_text(t->title),
	       db_text(t->provider), db_text(webhook), db_int(next), db_int(now));
	return 0;
}

status triggers_publish(struct apps *a, struct arena *mem, struct db_batch *b, struct str tenant_id,
			struct str app_id, const struct json *graph)
{
	struct trigger *had;
	size_t n;
	if (count_triggers(graph) || trigger_list(a, mem, tenant_id, app_id, &had, &n))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (!trigger_node(graph, had[i].node_id, had[i].type))
			DB_ADD(b, &sql_app_trigger_remove, DB_ANY, db_text(tenant_id),
			       db_text(had[i].id));
	json_each(json_get(graph, S("nodes")), node) {
		const struct json *data = json_get(node, S("data"));
		struct trigger t = { .tenant_id = tenant_id,
				     .app_id = app_id,
				     .node_id = json_get_str(node, S("id")),
				     .type = json_get_str(data, S("type")),
				     .title = json_get_str(data, S("title")),
				     .provider = json_get_str(data, S("provider_name")) };
		if (!t.provider.len)
			t.provider = json_get_str(data, S("provider_id"));
		if (is_trigger(t.type) && t.node_id.len && put_node(mem, b, &t, data))
			return -1;
	}
	return 0;
}

/* --- the console --- */

static status find(struct apps *a, struct arena *mem, struct str tenant_id, struct str app_id,
		   struct str node_id, struct str id, struct trigger **out)
{
	struct trigger *list;
	size_t n;
	if (trigger_list(a, mem, tenant_id, app_id, &list, &n))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (id.len ? str_eq(list[i].id, id) : str_eq(list[i].node_id, node_id)) {
			*out = &list[i];
			return 0;
		}
	return err_set(ERR_NOT_FOUND, "Trigger not found");
}

static status no_webhook(void)
{
	return err_set(ERR_NOT_FOUND, "Webhook trigger not found for this node");
}

status trigger_webhook_of(struct apps *a, struct arena *mem, struct str tenant_id,
			  struct str app_id, struct str node_id, struct trigger **out)
{
	struct workflow *draft;
	if (find(a, mem, tenant_id, app_id, node_id, S(""), out) == 0)
		return str_eq((*out)->type, WEBHOOK) ? 0 : no_webhook();
	if (err_code() != ERR_NOT_FOUND)
		return -1;
	if (workflow_draft(a, mem, tenant_id, app_id, &draft))
		return err_code() == ERR_NOT_FOUND ? no_webhook() : -1;
	const struct json *data = trigger_node(draft->graph, node_id, WEBHOOK);
	if (!data)
		return no_webhook();
	if (DB_WRITE(a->db, mem, &sql_app_trigger_webhook_add, DB_ANY, NULL, db_text(id_uuid7(mem)),
		     db_text(tenant_id), db_text(app_id), db_text(node_id),
		     db_text(json_get_str(data, S("title"))),
		     db_text(id_token(mem, TRIGGER_WEBHOOK_ID_LEN)), db_int(clock_ms())))
		return -1;
	return find(a, mem, tenant_id, app_id, node_id, S(""), out);
}

/* A schedule that is switched on counts from now: what it missed meanwhile was not wanted. */
static status next_of(struct apps *a, struct arena *mem, const struct trigger *t, int64_t *next)
{
	struct app *app;
	struct workflow *w;
	*next = t->next_ms;
	if (!str_eq(t->type, SCHEDULE))
		return 0;
	if (app_get(a, mem, t->tenant_id, t->app_id, &app) || workflow_published(a, mem, app, &w))
		return -1;
	const struct json *data = trigger_node(w->graph, t->node_id, SCHEDULE);
	return data ? trigger_next(mem, data, clock_ms(), next) : 0;
}

status trigger_enable(struct apps *a, struct arena *mem, struct str tenant_id, struct str app_id,
		      struct str id, bool on, struct trigger **out)
{
	int64_t next;
	if (find(a, mem, tenant_id, app_id, S(""), id, out) || next_of(a, mem, *out, &next))
		return -1;
	if (DB_WRITE(a->db, mem, &sql_app_trigger_enable, 1, NULL, db_text(tenant_id),
		     db_text(app_id), db_text(id), db_int(on), db_int(next), db_int(clock_ms())))
		return err_code() == ERR_STALE ? err_set(ERR_NOT_FOUND, "Trigger not found") : -1;
	return find(a, mem, tenant_id, app_id, S(""), id, out);
}

/* --- schedules --- */

status trigger_due(struct apps *a, struct arena *mem, int64_t now_ms, int64_t most,
		   struct trigger **out, size_t *n)
{
	struct db_rows *rows;
	if (DB_READ(a->db, mem, &sql_app_trigger_due, &rows, db_int(now_ms), db_int(most)))
		return -1;
	from_rows(mem, rows, out, n);
	return 0;
}

void trigger_fire(struct db_batch *b, const struct trigger *t, int64_t next_ms, struct str run_id)
{
	DB_ADD(b, &sql_app_trigger_move, 1, db_text(t->tenant_id), db_text(t->id),
	       db_int(t->next_ms), db_int(next_ms));
	if (run_id.len)
		DB_ADD(b, &sql_app_trigger_fire, 1, db_text(t->app_id), db_text(t->node_id),
		       db_int(t->next_ms), db_text(t->tenant_id), db_text(run_id),
		       db_int(clock_ms()));
}

status trigger_forget(struct apps *a, int64_t before_ms)
{
	AUTO(arena) mem = { arena_open(0) };
	return DB_WRITE(a->db, mem.p, &sql_app_trigger_forget, DB_ANY, NULL, db_int(before_ms));
}
