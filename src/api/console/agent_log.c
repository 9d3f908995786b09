/* SPDX-License-Identifier: Apache-2.0 */
/* agent_log: what an agent thought and called for one message, for the console's log. */
#include "api/console/console.h"

#include "base/clock.h"
#include "chat/chat.h"
#include "tool/tool.h"

static struct str iso_utc(struct arena *mem, int64_t s)
{
	struct str z = clock_iso(mem, s * 1000);
	size_t dot = str_rfind_char(z, '.');
	return arena_printf(mem, "%.*s+00:00", STR(str_sub(z, 0, dot)));
}

static struct json *call_json(struct call *c, const struct json *t, const struct json *row)
{
	struct arena *mem = c->mem;
	struct json *o = json_obj(mem);
	struct str name = json_get_str(row, S("name")), output = json_get_str(row, S("output"));
	bool failed = json_get_bool(row, S("failed"), false);
	json_set_str(mem, o, S("status"), failed ? S("error") : S("success"));
	json_set_str_or_null(mem, o, S("error"), failed ? output : (struct str){0});
	json_set(mem, o, S("time_cost"), json_get(row, S("seconds")));
	json_set_str(mem, o, S("tool_name"), name);
	json_set(mem, o, S("tool_label"), json_get(json_get(t, S("tool_labels")), name));
	json_set(mem, o, S("tool_input"), json_get(row, S("input")));
	json_set_str(mem, o, S("tool_output"), output);
	json_set(mem, o, S("tool_parameters"), json_obj(mem));
	put_text(mem, o, S("tool_icon"), json_get_str(row, S("icon")));
	return o;
}

static struct json *step_json(struct call *c, const struct message *m, const struct json *t)
{
	struct arena *mem = c->mem;
	struct json *o = json_obj(mem), *calls = json_arr(mem), *raw = json_obj(mem);
	json_each(json_get(t, S("calls")), row) json_push(mem, calls, call_json(c, t, row));
	json_set_int(mem, o, S("tokens"), json_get_int(t, S("tokens"), 0));
	json_set(mem, o, S("tool_calls"), calls);
	json_set(mem, raw, S("inputs"), json_get(t, S("tool_input")));
	json_set(mem, raw, S("outputs"), json_get(t, S("observation")));
	json_set(mem, o, S("tool_raw"), raw);
	json_set(mem, o, S("thought"), json_get(t, S("thought")));
	json_set_str(mem, o, S("created_at"),
		     iso_utc(mem, json_get_int(t, S("created_at"), m->created_ms / 1000)));
	json_set(mem, o, S("files"), json_arr(mem));
	return o;
}

status console_agent_log(struct call *c)
{
	struct message *m;
	struct arena *mem = c->mem;
	struct json *o = json_obj(mem), *meta = json_obj(mem), *steps = json_arr(mem);
	struct str id = http_query(c->http, S("message_id"));
	if (need_app(c))
		return -1;
	if (!str_eq(c->app->mode, S("agent-chat")))
		return err_public(ERR_NOT_FOUND, "app_not_found", 404,
				  "App mode is not in the supported list: {'agent-chat'}.");
	if (!id.len)
		return err_set(ERR_INVALID, "message_id: Field required");
	if (message_of_app(c->s->chats, mem, c->account->tenant_id, c->app->id, id, &m))
		return -1;
	json_each(m->thoughts, t) json_push(mem, steps, step_json(c, m, t));
	json_set_str(mem, meta, S("status"),
		     str_eq(m->status, S("error")) ? S("failed") : S("success"));
	json_set_null(mem, meta, S("executor"));
	json_set_str(mem, meta, S("start_time"), iso_utc(mem, m->created_ms / 1000));
	json_set_float(mem, meta, S("elapsed_time"), m->latency);
	json_set_int(mem, meta, S("total_tokens"), m->message_tokens + m->answer_tokens);
	json_set(mem, meta, S("agent_mode"),
		 json_path(c->app->model_config, "agent_mode.strategy"));
	json_set_int(mem, meta, S("iterations"), json_len(steps));
	json_set(mem, o, S("meta"), meta);
	json_set(mem, o, S("iterations"), steps);
	json_set(mem, o, S("files"), json_arr(mem));
	return reply_json(c, 200, o);
}
