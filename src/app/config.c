/* SPDX-License-Identifier: Apache-2.0 */
/* config: modes of apps, and what the model config of an easy app holds when nothing is said. */
#include "app/app_int.h"

static const struct {
	struct str name;
	bool graph;
} modes[] = {
	{ S_INIT("chat"), false },	{ S_INIT("agent-chat"), false },
	{ S_INIT("completion"), false }, { S_INIT("workflow"), true },
	{ S_INIT("advanced-chat"), true },
};

bool app_mode_valid(struct str mode)
{
	for (size_t i = 0; i < countof(modes); i++)
		if (str_eq(mode, modes[i].name))
			return true;
	return false;
}

bool app_mode_is_graph(struct str mode)
{
	for (size_t i = 0; i < countof(modes); i++)
		if (str_eq(mode, modes[i].name))
			return modes[i].graph;
	return false;
}

/* In the order in which a model config is written (golden/console/apps). */
static const struct {
	struct str name, value;
} members[] = {
	{ S_INIT("opening_statement"), S_INIT("null") },
	{ S_INIT("suggested_questions"), S_INIT("[]") },
	{ S_INIT("suggested_questions_after_answer"), S_INIT("{\"enabled\":false}") },
	{ S_INIT("speech_to_text"), S_INIT("{\"enabled\":false}") },
	{ S_INIT("text_to_speech"), S_INIT("{\"enabled\":false}") },
	{ S_INIT("retriever_resource"), S_INIT("{\"enabled\":true}") },
	{ S_INIT("annotation_reply"), S_INIT("{\"enabled\":false}") },
	{ S_INIT("more_like_this"), S_INIT("{\"enabled\":false}") },
	{ S_INIT("sensitive_word_avoidance"),
	  S_INIT("{\"enabled\":false,\"type\":\"\",\"configs\":[]}") },
	{ S_INIT("external_data_tools"), S_INIT("[]") },
	{ S_INIT("model"),
	  S_INIT("{\"provider\":\"\",\"name\":\"\",\"mode\":\"chat\",\"completion_params\":{}}") },
	{ S_INIT("user_input_form"), S_INIT("[]") },
	{ S_INIT("dataset_query_variable"), S_INIT("null") },
	{ S_INIT("pre_prompt"), S_INIT("null") },
	{ S_INIT("agent_mode"),
	  S_INIT("{\"enabled\":false,\"strategy\":null,\"tools\":[],\"prompt\":null}") },
	{ S_INIT("prompt_type"), S_INIT("\"simple\"") },
	{ S_INIT("chat_prompt_config"), S_INIT("{}") },
	{ S_INIT("completion_prompt_config"), S_INIT("{}") },
	{ S_INIT("dataset_configs"), S_INIT("{\"retrieval_model\":\"multiple\"}") },
	{ S_INIT("file_upload"),
	  S_INIT("{\"image\":{\"enabled\":false,\"number_limits\":3,\"detail\":\"high\","
		 "\"transfer_methods\":[\"remote_url\",\"local_file\"]}}") },
};

struct json *app_full_model_config(struct arena *mem, const struct json *config)
{
	struct json *out = json_obj(mem);
	for (size_t i = 0; i < countof(members); i++) {
		const struct json *given = json_get(config, members[i].name);
		struct json *value = NULL;
		bool good = given || !json_parse(mem, members[i].value, &value);
		ASSERT(good); /* the table holds JSON */
		json_set(mem, out, members[i].name, given ? given : value);
	}
	json_each_member(config, m)
		if (!json_get(out, m->name))
			json_set(mem, out, m->name, &m->value);
	return out;
}

struct json *app_default_model_config(struct arena *mem, struct str mode, struct str provider,
				      struct str model)
{
	if (app_mode_is_graph(mode))
		return NULL;
	struct json *c = app_full_model_config(mem, json_obj(mem));
	struct json *m = json_get(c, S("model"));
	json_set_str(mem, m, S("provider"), provider.at ? provider : S(""));
	json_set_str(mem, m, S("name"), model.at ? model : S(""));
	if (!str_eq(mode, S("completion")))
		return c;
	struct json *form = json_arr(mem), *row = json_obj(mem), *field = json_obj(mem);
	json_set_str(mem, field, S("label"), S("Query"));
	json_set_str(mem, field, S("variable"), S("query"));
	json_set_bool(mem, field, S("required"), true);
	json_set_str(mem, field, S("default"), S(""));
	json_set(mem, row, S("paragraph"), field);
	json_push(mem, form, row);
	json_set(mem, c, S("user_input_form"), form);
	json_set_str(mem, c, S("pre_prompt"), S("{{query}}"));
	return c;
}
