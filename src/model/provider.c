/* SPDX-License-Identifier: Apache-2.0 */
/*
 * provider: the table of providers (a protocol, how the vendor's server differs, what the console
 * shows) and the names under which app files know them. A new vendor that speaks a known protocol
 * is one row here.
 */
#include "model/model_int.h"

#include "base/err.h"

#define LLM   (1u << MODEL_LLM)
#define EMBED (1u << MODEL_EMBEDDING)
#define RANK  (1u << MODEL_RERANK)
#define HEAR  (1u << MODEL_SPEECH2TEXT)
#define SPEAK (1u << MODEL_TTS)

/*           id, English, Japanese, Chinese, help, types, key?, address? */
#define INFO(id, en, ja, zh, help, types, key, url) { id, en, ja, zh, help, types, key, url }
/*           address, usage option, input_type, reasoning names, tools, vision, schema */
#define DIALECT(id, url, usage, input, names, tools, vision, schema)                               \
	{ id, url, usage, input, names, tools, vision, schema }

#define OPENAI_ROW(sym, id, label, help, types, key, needs_url, url, names, tools, vision, schema) \
	static const struct provider sym = {                                                       \
		INFO(id, label, label, label, help, types, key, needs_url), &protocol_openai,              \
		DIALECT(id, url, true, false, names, tools, vision, schema)                        \
	}

static const struct provider tatara = {
	INFO("tatara", "Bundled", "\u540c\u68b1", "\u5185\u7f6e", "",
	     LLM | EMBED, false, false),
	&protocol_openai,
	DIALECT("tatara", "http://model/v1", true, true, false, false, false, false)
};
/* Servers that run any model: whether it sees is not known, and the app says when to send images. */
static const struct provider generic = {
	INFO("openai_api_compatible", "OpenAI-compatible server",
	     "OpenAI \u4e92\u63db\u30b5\u30fc\u30d0\u30fc",
	     "OpenAI \u517c\u5bb9\u670d\u52a1\u5668",
	     "https://platform.openai.com/docs/api-reference", LLM | EMBED | RANK | HEAR | SPEAK, false,
	     true),
	&protocol_openai,
	DIALECT("openai_api_compatible", NULL, true, false, false, false, true, false)
};
static const struct provider openai = {
	INFO("openai", "OpenAI", "OpenAI", "OpenAI", "https://platform.openai.com/api-keys",
	     LLM | EMBED | HEAR | SPEAK, true, false),
	&protocol_openai,
	{ .id = "openai", .base_url = "https://api.openai.com/v1", .usage_option = true,
	  .names_reasoning = true, .knows_tools = true, .knows_vision = true, .knows_schema = true,
	  .voices = "alloy,ash,ballad,coral,echo,fable,nova,onyx,sage,shimmer" },
};
OPENAI_ROW(ollama, "ollama", "Ollama", "https://ollama.com/library", LLM | EMBED, false, true,
	   "http://127.0.0.1:11434/v1", false, true, true, true);
OPENAI_ROW(vllm, "vllm", "vLLM", "https://docs.vllm.ai", LLM | EMBED | RANK | HEAR, false, true, NULL,
	   false, false, true, true);
OPENAI_ROW(llama_server, "llama_server", "llama-server (llama.cpp)",
	   "https://github.com/ggml-org/llama.cpp/tree/master/tools/server", LLM | EMBED | RANK, false,
	   true, "http://127.0.0.1:8080/v1", false, true, true, true);
OPENAI_ROW(localai, "localai", "LocalAI", "https://localai.io", LLM | EMBED | RANK | HEAR | SPEAK, false,
	   true, NULL, false, false, true, false);
OPENAI_ROW(xinference, "xinference", "Xinference", "https://inference.readthedocs.io",
	   LLM | EMBED | RANK | HEAR | SPEAK, false, true, NULL, false, false, true, false);
OPENAI_ROW(anthropic, "anthropic", "Anthropic", "https://console.anthropic.com/settings/keys", LLM,
	   true, false, "https://api.anthropic.com/v1", false, true, true, false);
OPENAI_ROW(gemini, "gemini", "Google Gemini", "https://aistudio.google.com/apikey", LLM | EMBED, true,
	   false, "https://generativelanguage.googleapis.com/v1beta/openai", false, true, true, true);
OPENAI_ROW(deepseek, "deepseek", "DeepSeek", "https://platform.deepseek.com/api_keys", LLM, true,
	   false, "https://api.deepseek.com/v1", false, true, false, false);
OPENAI_ROW(tongyi, "tongyi", "Tongyi (Model Studio)",
	   "https://help.aliyun.com/zh/model-studio/get-api-key", LLM | EMBED, true, false,
	   "https://dashscope.aliyuncs.com/compatible-mode/v1", false, true, false, false);
OPENAI_ROW(mistralai, "mistralai", "Mistral AI", "https://console.mistral.ai/api-keys", LLM | EMBED,
	   true, false, "https://api.mistral.ai/v1", false, true, false, true);
OPENAI_ROW(groq, "groq", "Groq", "https://console.groq.com/keys", LLM | HEAR | SPEAK, true,
	   false,
	   "https://api.groq.com/openai/v1", false, true, false, false);
OPENAI_ROW(openrouter, "openrouter", "OpenRouter", "https://openrouter.ai/keys", LLM, true, false,
	   "https://openrouter.ai/api/v1", false, true, false, false);
OPENAI_ROW(moonshot, "moonshot", "Moonshot", "https://platform.moonshot.cn/console/api-keys", LLM,
	   true, false, "https://api.moonshot.cn/v1", false, true, false, false);
OPENAI_ROW(zhipuai, "zhipuai", "Zhipu AI", "https://open.bigmodel.cn/usercenter/apikeys", LLM | EMBED,
	   true, false, "https://open.bigmodel.cn/api/paas/v4", false, true, false, false);
OPENAI_ROW(siliconflow, "siliconflow", "SiliconFlow", "https://cloud.siliconflow.cn/account/ak",
	   LLM | EMBED | RANK | HEAR | SPEAK, true, false, "https://api.siliconflow.cn/v1", false, true,
	   false, false);
OPENAI_ROW(volcengine, "volcengine_maas", "Volcengine", "https://console.volcengine.com/ark",
	   LLM | EMBED, true, false, "https://ark.cn-beijing.volces.com/api/v3", false, true, false,
	   false);
OPENAI_ROW(xai, "x", "xAI", "https://console.x.ai", LLM, true, false, "https://api.x.ai/v1", false,
	   true, false, true);
OPENAI_ROW(together, "togetherai", "Together AI", "https://api.together.ai/settings/api-keys",
	   LLM | EMBED, true, false, "https://api.together.xyz/v1", false, true, false, false);
OPENAI_ROW(jina, "jina", "Jina AI", "https://jina.ai/embeddings", EMBED | RANK, true, false,
	   "https://api.jina.ai/v1", false, false, false, false);

static const struct provider *const providers[] = {
	&tatara,    &generic,	 &openai,     &ollama,	&vllm,	     &llama_server, &localai,
	&xinference, &anthropic, &gemini,     &deepseek, &tongyi,    &mistralai,    &groq,
	&openrouter, &moonshot,	 &zhipuai,    &siliconflow, &volcengine, &xai,	    &together,
	&jina,
};

const struct provider_info *const provider_infos[] = {
	&tatara.info,	   &generic.info,   &openai.info,     &ollama.info,  &vllm.info,
	&llama_server.info, &localai.info,  &xinference.info, &anthropic.info, &gemini.info,
	&deepseek.info,	   &tongyi.info,    &mistralai.info,  &groq.info,    &openrouter.info,
	&moonshot.info,	   &zhipuai.info,   &siliconflow.info, &volcengine.info, &xai.info,
	&together.info,	   &jina.info,
};
const size_t provider_infos_len = countof(provider_infos);

/* Names in app files that differ from our ids: older releases, other spellings, plugins whose last
 * part is another word, and vendors whose models are reached through a protocol of ours. */
static const struct {
	const char *alias, *id;
} aliases[] = {
	{ "azure_openai", "openai" },
	{ "azure-openai", "openai" },
	{ "open_ai", "openai" },
	{ "openai-compatible", "openai_api_compatible" },
	{ "openai_compatible", "openai_api_compatible" },
	{ "openai-api-compatible", "openai_api_compatible" },
	{ "oaicompat", "openai_api_compatible" },
	{ "oaicompat_dify", "openai_api_compatible" },
	{ "openllm", "openai_api_compatible" },
	{ "lmstudio", "openai_api_compatible" },
	{ "lm_studio", "openai_api_compatible" },
	{ "oneapi", "openai_api_compatible" },
	{ "newapi", "openai_api_compatible" },
	{ "litellm", "openai_api_compatible" },
	{ "llama-server", "llama_server" },
	{ "llamacpp", "llama_server" },
	{ "llama_cpp", "llama_server" },
	{ "google", "gemini" },
	{ "google_gemini", "gemini" },
	{ "claude", "anthropic" },
	{ "dashscope", "tongyi" },
	{ "qwen", "tongyi" },
	{ "mistral", "mistralai" },
	{ "chatglm", "zhipuai" },
	{ "zhipu", "zhipuai" },
	{ "zhipuai_china", "zhipuai" },
	{ "kimi", "moonshot" },
	{ "volcengine", "volcengine_maas" },
	{ "doubao", "volcengine_maas" },
	{ "xai", "x" },
	{ "grok", "x" },
	{ "together", "togetherai" },
	{ "together_ai", "togetherai" },
	{ "bundled", "tatara" },
};

const struct provider *provider_find(struct str id)
{
	for (size_t i = 0; i < countof(providers); i++)
		if (str_eq(str_c(providers[i]->info.id), id))
			return providers[i];
	return NULL;
}

struct str provider_resolve(struct str name)
{
	name = str_trim(name);
	size_t slash = str_rfind_char(name, '/');
	struct str last = slash == SIZE_MAX ? name : str_skip(name, slash + 1);
	for (size_t i = 0; last.len && i < countof(providers); i++)
		if (str_eq_nocase(str_c(providers[i]->info.id), last))
			return str_c(providers[i]->info.id);
	for (size_t i = 0; last.len && i < countof(aliases); i++)
		if (str_eq_nocase(str_c(aliases[i].alias), last))
			return str_c(aliases[i].id);
	return (struct str){ 0 };
}

static const struct {
	const char *name, *alias;
} type_names[MODEL_TYPE_COUNT] = {
	[MODEL_LLM] = { "llm", "text-generation" },
	[MODEL_EMBEDDING] = { "text-embedding", "embeddings" },
	[MODEL_RERANK] = { "rerank", "reranking" },
	[MODEL_SPEECH2TEXT] = { "speech2text", "speech-to-text" },
	[MODEL_TTS] = { "tts", "text-to-speech" },
};

struct str model_type_name(enum model_type t)
{
	return t < MODEL_TYPE_COUNT ? str_c(type_names[t].name) : S("");
}

status model_type_parse(struct str s, enum model_type *out)
{
	for (int i = 0; i < MODEL_TYPE_COUNT; i++)
		if (str_eq(s, str_c(type_names[i].name)) || str_eq(s, str_c(type_names[i].alias))) {
			*out = (enum model_type)i;
			return 0;
		}
	return err_set(ERR_INVALID, "model type \"%.*s\" is none of " MODEL_TYPE_NAMES,
		       (int)MIN(s.len, 40), s.at);
}
