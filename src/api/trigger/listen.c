/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen: people who try a trigger of a draft. Who listens gets the next call of the trigger's debug
 * address; who has stopped to ask is forgotten after a while. What is kept is small and short-lived,
 * so it lies with the broker.
 */
#include "api/trigger/trigger.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "store/broker/broker.h"

static struct str key_of(struct arena *mem, const char *what, const struct trigger_listener *l)
{
	return arena_printf(mem, "trigger.%s.%.*s.%.*s.%.*s", what, STR(l->app_id),
			    STR(l->node_id), STR(l->account_id));
}

static status read_json(struct services *s, struct arena *mem, struct str key, struct json **out)
{
	struct str text;
	*out = NULL;
	if (value_get(s->broker, mem, key, &text))
		return -1;
	return text.at ? json_parse(mem, text, out) : 0;
}

/* Who listens to a node: account -> until when. Two who begin in the same moment may lose one; that
 * one is back with the next question. */
static status change_listeners(struct services *s, struct arena *mem,
			       const struct trigger_listener *l, bool on)
{
	struct trigger_listener all = { l->app_id, l->node_id, S("") };
	struct str key = key_of(mem, "listeners", &all);
	struct json *list;
	if (read_json(s, mem, key, &list))
		return -1;
	if (!list)
		list = json_obj(mem);
	if (on)
		json_set_int(mem, list, l->account_id, clock_ms() + TRIGGER_LISTEN_MS);
	else
		json_remove(list, l->account_id);
	return value_set(s->broker, key, json_text(mem, list, JSON_COMPACT), TRIGGER_LISTEN_MS);
}

status trigger_listen(struct services *s, struct arena *mem, const struct trigger_listener *l,
		      struct json **inputs)
{
	struct str key = key_of(mem, "event", l);
	if (read_json(s, mem, key, inputs))
		return -1;
	if (!*inputs)
		return change_listeners(s, mem, l, true);
	return value_remove(s->broker, key) || change_listeners(s, mem, l, false) ? -1 : 0;
}

status trigger_deliver(struct services *s, struct arena *mem, struct str app_id,
		       struct str node_id, const struct json *inputs, size_t *n)
{
	struct trigger_listener l = { app_id, node_id, S("") };
	struct json *list;
	struct str text = json_text(mem, inputs, JSON_COMPACT);
	*n = 0;
	if (read_json(s, mem, key_of(mem, "listeners", &l), &list))
		return -1;
	json_each_member(list, m)
	{
		if (json_as_int(&m->value, 0) < clock_ms())
			continue;
		l.account_id = m->name;
		if (value_set(s->broker, key_of(mem, "event", &l), text, TRIGGER_LISTEN_MS))
			return -1;
		++*n;
	}
	return 0;
}

status trigger_wait_until(struct services *s, struct arena *mem, const struct trigger_listener *l,
			  int64_t next_ms, bool *due)
{
	struct str key = key_of(mem, "due", l), text;
	int64_t at = 0;
	*due = false;
	if (value_get(s->broker, mem, key, &text))
		return -1;
	if (!text.at || str_to_i64(text, &at))
		return value_set(s->broker, key, arena_printf(mem, "%lld", (long long)next_ms),
				 next_ms - clock_ms() + TRIGGER_LISTEN_MS);
	*due = clock_ms() >= at;
	return *due ? value_remove(s->broker, key) : 0;
}
