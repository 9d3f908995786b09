/* SPDX-License-Identifier: Apache-2.0 */
/* triggers: what starts runs of an app from outside, as the console shows and switches it. */
#include "api/console/console.h"

#include "app/trigger.h"
#include "base/clock.h"
#include "base/config.h"

/* 2026-01-02T03:04:05 */
static void put_iso(struct call *c, struct json *o, struct str name, int64_t ms)
{
	json_set_str(c->mem, o, name, str_sub(clock_iso(c->mem, ms), 0, 19));
}

static struct str base_url(struct call *c)
{
	struct str url = service_url(c);
	if (config_is_set(c->s->config, CONFIG_TRIGGER_URL))
		url = config_str(c->s->config, CONFIG_TRIGGER_URL);
	while (str_ends(url, S("/")))
		url = str_sub(url, 0, url.len - 1);
	return url;
}

static struct json *webhook_json(struct call *c, const struct trigger *t)
{
	struct arena *mem = c->mem;
	struct json *o = json_obj(mem);
	struct str base = base_url(c);
	json_set_str(mem, o, S("id"), t->id);
	json_set_str(mem, o, S("webhook_id"), t->webhook_id);
	json_set_str(
		mem, o, S("webhook_url"),
		arena_printf(mem, "%.*s/triggers/webhook/%.*s", STR(base), STR(t->webhook_id)));
	json_set_str(mem, o, S("webhook_debug_url"),
		     arena_printf(mem, "%.*s/triggers/webhook-debug/%.*s", STR(base),
				  STR(t->webhook_id)));
	json_set_str(mem, o, S("node_id"), t->node_id);
	json_set_str(mem, o, S("triggered_by"), S("production"));
	put_iso(c, o, S("created_at"), t->created_ms);
	return o;
}

static struct json *trigger_json(struct call *c, const struct trigger *t)
{
	struct arena *mem = c->mem;
	struct json *o = json_obj(mem);
	json_set_str(mem, o, S("id"), t->id);
	json_set_str(mem, o, S("trigger_type"), t->type);
	json_set_str(mem, o, S("title"), t->title);
	json_set_str(mem, o, S("node_id"), t->node_id);
	json_set_str(mem, o, S("provider_name"), t->provider);
	json_set_str(mem, o, S("icon"), S(""));
	json_set_str(mem, o, S("status"), t->enabled ? S("enabled") : S("disabled"));
	put_iso(c, o, S("created_at"), t->created_ms);
	put_iso(c, o, S("updated_at"), t->updated_ms);
	/* Ours: the address, and when a schedule fires next. */
	if (t->webhook_id.len)
		json_set_str(mem, o, S("webhook_url"),
			     arena_printf(mem, "%.*s/triggers/webhook/%.*s", STR(base_url(c)),
					  STR(t->webhook_id)));
	if (t->next_ms)
		json_set_int(mem, o, S("next_run_at"), t->next_ms / 1000);
	return o;
}

status console_webhook(struct call *c)
{
	struct trigger *t;
	struct str node = http_query(c->http, S("node_id"));
	if (need_graph_app(c))
		return -1;
	if (!node.len)
		return err_set(ERR_INVALID, "node_id: Field required");
	if (trigger_webhook_of(c->s->apps, c->mem, c->account->tenant_id, c->app->id, node, &t))
		return -1;
	return reply_json(c, 200, webhook_json(c, t));
}

status console_triggers(struct call *c)
{
	struct trigger *list;
	size_t n;
	struct json *o = json_obj(c->mem), *data = json_arr(c->mem);
	if (need_graph_app(c) ||
	    trigger_list(c->s->apps, c->mem, c->account->tenant_id, c->app->id, &list, &n))
		return -1;
	for (size_t i = 0; i < n; i++)
		json_push(c->mem, data, trigger_json(c, &list[i]));
	json_set(c->mem, o, S("data"), data);
	return reply_json(c, 200, o);
}

status console_trigger_enable(struct call *c)
{
	struct str id;
	struct trigger *t;
	bool on = false;
	if (need_graph_app(c) || call_body(c) || need_text(c, S("trigger_id"), 1, 64, &id) ||
	    take_bool(c, S("enable_trigger"), &on) ||
	    trigger_enable(c->s->apps, c->mem, c->account->tenant_id, c->app->id, id, on, &t))
		return -1;
	return reply_json(c, 200, trigger_json(c, t));
}
