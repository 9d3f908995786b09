/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent: agent apps (workflow.md 8.3): the call of their one node and the thoughts of their
 * messages. The loop is tool/agent.c.
 */
#include "base/arena.h"
#include "chat/chat_int.h"

enum { ITERATIONS_DEFAULT = 10 };

/* The prompt in its parts: what comes first as system, the question at the end, history between. */
struct json *agent_call(struct arena *mem, const struct json *config, const struct json *messages,
			const struct json *parameters)
{
	const struct json *mode = json_get(config, S("agent_mode")),
			  *model = json_get(config, S("model"));
	struct json *o = json_obj(mem), *history = json_arr(mem), *none = json_arr(mem);
	size_t first = 0, last = json_len(messages) - 1;
	struct str system = S("");
	if (last && str_eq(json_get_str(json_at(messages, 0), S("role")), S("system"))) {
		system = json_get_str(json_at(messages, 0), S("content"));
		first = 1;
	}
	for (size_t i = first; i < last; i++)
		json_push(mem, history, json_at(messages, i));
	json_set_str(mem, o, S("mode"), S("agent"));
	json_set(mem, o, S("provider"), json_get(model, S("provider")));
	json_set(mem, o, S("name"), json_get(model, S("name")));
	json_set(mem, o, S("parameters"), parameters);
	json_set_str(mem, o, S("instruction"), system);
	json_set(mem, o, S("history"), history);
	json_set(mem, o, S("question"), json_get(json_at(messages, last), S("content")));
	json_set(mem, o, S("tools"),
		 json_get(mode, S("tools")) ? json_get(mode, S("tools")) : none);
	json_set_int(mem, o, S("max_iteration"),
		     json_get_int(mode, S("max_iteration"), ITERATIONS_DEFAULT));
	return o;
}

struct json *chat_thought_json(struct arena *mem, const struct message *m, const struct json *t)
{
	struct json *o = json_obj(mem), *none = json_arr(mem);
	json_set(mem, o, S("id"), json_get(t, S("id")));
	json_set_null(mem, o, S("chain_id"));
	json_set_str(mem, o, S("message_id"), m->id);
	json_set(mem, o, S("position"), json_get(t, S("position")));
	json_set(mem, o, S("thought"), json_get(t, S("thought")));
	json_set(mem, o, S("tool"), json_get(t, S("tool")));
	json_set(mem, o, S("tool_labels"), json_get(t, S("tool_labels")));
	json_set(mem, o, S("tool_input"), json_get(t, S("tool_input")));
	json_set_int(mem, o, S("created_at"),
		     json_get_int(t, S("created_at"), m->created_ms / 1000));
	json_set(mem, o, S("observation"), json_get(t, S("observation")));
	json_set(mem, o, S("files"),
		 json_get(t, S("message_files")) ? json_get(t, S("message_files")) : none);
	return o;
}
