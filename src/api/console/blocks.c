/* SPDX-License-Identifier: Apache-2.0 */
/* blocks: what the editor puts into a new node of each type. */
#include "api/console/console.h"

static const struct {
	struct str type, config;
} blocks[] = {
	{ S_INIT("http-request"),
	  S_INIT("{\"type\":\"http-request\",\"config\":{\"method\":\"get\",\"authorization\":{\"type\":"
		 "\"no-auth\"},\"body\":{\"type\":\"none\"},\"timeout\":{\"connect\":10,\"read\":600,"
		 "\"write\":600,\"max_connect_timeout\":10,\"max_read_timeout\":600,"
		 "\"max_write_timeout\":600},\"ssl_verify\":true},\"retry_config\":{\"max_retries\":3,"
		 "\"retry_interval\":2.0,\"retry_enabled\":true}}") },
	{ S_INIT("llm"),
	  S_INIT("{\"type\":\"llm\",\"config\":{\"prompt_templates\":{\"chat_model\":{\"prompts\":[{"
		 "\"role\":\"system\",\"text\":\"You are a helpful AI assistant.\",\"edition_type\":"
		 "\"basic\"}]},\"completion_model\":{\"conversation_histories_role\":{\"user_prefix\":"
		 "\"Human\",\"assistant_prefix\":\"Assistant\"},\"prompt\":{\"text\":"
		 "\"{{#histories#}}\\nHuman: {{#sys.query#}}\\nAssistant:\",\"edition_type\":"
		 "\"basic\"},\"stop\":[\"Human:\"]}}}}") },
	{ S_INIT("code"),
	  S_INIT("{\"type\":\"code\",\"config\":{\"variables\":[{\"variable\":\"arg1\","
		 "\"value_selector\":[]},{\"variable\":\"arg2\",\"value_selector\":[]}],"
		 "\"code_language\":\"python3\",\"code\":\"\\ndef main(arg1: str, arg2: str):\\n    "
		 "return {\\n        \\\"result\\\": arg1 + arg2,\\n    }\\n\",\"outputs\":{\"result\":"
		 "{\"type\":\"string\",\"children\":null}}}}") },
	{ S_INIT("template-transform"),
	  S_INIT("{\"type\":\"template-transform\",\"config\":{\"variables\":[{\"variable\":\"arg1\","
		 "\"value_selector\":[]}],\"template\":\"{{ arg1 }}\"}}") },
	{ S_INIT("question-classifier"),
	  S_INIT("{\"type\":\"question-classifier\",\"config\":{\"instructions\":\"\"}}") },
	{ S_INIT("parameter-extractor"),
	  S_INIT("{\"type\":\"parameter-extractor\",\"config\":{\"prompt_templates\":{"
		 "\"completion_model\":{\"conversation_histories_role\":{\"user_prefix\":\"Human\","
		 "\"assistant_prefix\":\"Assistant\"},\"stop\":[\"Human:\"]}}}}") },
};

static const char javascript[] =
	"{\"type\":\"code\",\"config\":{\"variables\":[{\"variable\":\"arg1\",\"value_selector\":[]},{"
	"\"variable\":\"arg2\",\"value_selector\":[]}],\"code_language\":\"javascript\",\"code\":"
	"\"\\nfunction main({arg1, arg2}) {\\n    return {\\n        result: arg1 + arg2\\n    }\\n}\\n\","
	"\"outputs\":{\"result\":{\"type\":\"string\",\"children\":null}}}}";

status console_blocks(struct call *c)
{
	struct json *all = json_arr(c->mem);
	if (need_app(c))
		return -1;
	for (size_t i = 0; i < countof(blocks); i++) {
		struct json *v;
		if (json_parse(c->mem, blocks[i].config, &v))
			return -1;
		json_push(c->mem, all, v);
	}
	return reply_json(c, 200, all);
}

status console_block(struct call *c)
{
	struct str filter = http_query(c->http, S("q"));
	struct json *v;
	if (need_app(c))
		return -1;
	if (filter.len && (json_parse(c->mem, filter, &v) || !json_is(v, JSON_OBJ)))
		return err_set(ERR_INVALID, "Invalid filters");
	bool js = filter.len && str_eq(json_get_str(v, S("code_language")), S("javascript"));
	for (size_t i = 0; i < countof(blocks); i++) {
		if (!str_eq(blocks[i].type, c->param[1]))
			continue;
		struct str text = js && str_eq(c->param[1], S("code")) ? str_c(javascript)
								       : blocks[i].config;
		return json_parse(c->mem, text, &v) ? -1 : reply_json(c, 200, v);
	}
	return reply_json(c, 200, json_null(c->mem));
}
