/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model: calls to language, embedding and rerank models of a workspace. Knows providers as
 * protocols (one file each, one row in a table); app files name providers, resolved by alias
 * (workflow.md 1.4). Messages, tools and tool calls inside Tatara have the form of OpenAI's chat
 * API; a protocol that differs translates. Keys are sealed in the database.
 */
#pragma once
#include "base/core.h"
#include "base/crypt.h"
#include "base/str.h"
#include "rt/rt.h"

struct arena;
struct client;
struct config;
struct db;
struct json;
struct models;

enum model_type {
	MODEL_LLM, MODEL_EMBEDDING, MODEL_RERANK, MODEL_SPEECH2TEXT, MODEL_TTS, MODEL_TYPE_COUNT
};
struct str model_type_name(enum model_type); /* "llm", "text-embedding", "rerank", "speech2text", "tts" */
status model_type_parse(struct str, enum model_type *) NODISCARD; /* also "embeddings", "reranking" */
#define MODEL_TYPE_NAMES "llm, text-embedding, rerank, speech2text or tts"

struct models_options {
	struct db *db;
	struct client *client;
	const struct config *config;
	const unsigned char *seal_key; /* CRYPT_KEY_LEN */
	struct str model_socket;       /* unix socket of the model role: provider "tatara" */
};
status models_open(const struct models_options *, struct models **out) NODISCARD;
void models_close(struct models *);

/* --- calls --- */
struct model_usage {
	int64_t prompt_tokens, completion_tokens, total_tokens;
	double latency, first_token, generate; /* seconds; first_token < 0: unknown */
	struct str prompt_unit_price, completion_unit_price, price_unit, currency; /* decimals as text */
	struct str prompt_price, completion_price, total_price;
	bool estimated; /* the server reported no counts: about four ASCII bytes a token */
};
/* The usage object of platform.md 2.3 / workflow.md 7.4 (key order as recorded). */
struct json *model_usage_json(struct arena *, const struct model_usage *);
/* The other way round; what is missing stays as it is. The texts live as long as the object. */
void model_usage_read(const struct json *, struct model_usage *out);
void model_usage_add(struct arena *, struct model_usage *sum, const struct model_usage *);

struct model_request {
	struct str tenant_id, provider, name; /* as the app file names them; both empty = default LLM */
	const struct json *messages;   /* array of {role, content, tool_calls?, tool_call_id?} */
	const struct json *parameters; /* completion_params of the app file; may hold "stop" */
	const struct json *tools;      /* array in OpenAI form, or NULL */
	const struct json *schema;     /* JSON schema for structured output, or NULL */
	struct str user;
	bool completion; /* mode "completion": messages[0].content is the prompt */
};
struct model_answer {
	struct str text, reasoning, finish_reason;
	struct json *tool_calls; /* array or NULL */
	struct model_usage usage;
	struct str provider, name; /* what was really called */
};
/* Called for each piece of text as it comes (never empty). A failure aborts the call upstream. */
typedef status (*model_sink)(void *arg, struct str piece);
/*
 * Always streams from the server; sink may be NULL. Retries only before the first piece.
 * Failures: public slugs of platform.md 2 ([ME]): provider_not_initialize (no credentials),
 * model not found, invalid_param with the vendor's text; ERR_CANCELLED aborts the vendor's stream.
 */
status models_chat(struct models *, struct arena *, const struct model_request *, model_sink, void *arg, struct model_answer **out) NODISCARD;
/* What the model can do: app code asks before sending images, tools, schemas. Unknown models count
 * as capable of vision and tools when their record says so. */
struct model_features {
	bool vision, tools, schema;
	bool quotes_only; /* the bundled quote model: cites its context, follows no instructions */
	int64_t context_size; /* 0 = unknown */
};
status models_features(struct models *, struct arena *, struct str tenant_id, struct str provider, struct str name, struct model_features *out) NODISCARD;

/* n texts to n * *dims floats, L2-normalised. query: search side of models that tell both apart. */
status models_embed(struct models *, struct arena *, struct str tenant_id, struct str provider, struct str name, const struct str *texts, size_t n, bool query, float **out, size_t *dims, struct model_usage *usage) NODISCARD;
struct model_rank {
	size_t index;
	double score;
};
/* Best first. */
status models_rerank(struct models *, struct arena *, struct str tenant_id, struct str provider, struct str name, struct str query, const struct str *texts, size_t n, size_t top_n, struct model_rank **out, size_t *out_n) NODISCARD;

/* --- sound --- */
struct model_sound {
	struct str tenant_id, provider, name; /* both empty = the workspace's default */
	struct str bytes, filename, type;     /* type: of the file, "audio/mp3" */
};
/* What is said in a recording. */
status models_transcribe(struct models *, struct arena *, const struct model_sound *, struct str *text) NODISCARD;
enum { MODEL_SPEECH_TEXT_MAX = 4096 }; /* bytes of text in one request for speech */
struct model_speech {
	struct str tenant_id, provider, name;
	struct str text, voice; /* voice empty or unknown to the model: its first one */
};
/* The bytes of one MP3, as they come. A text too long for one request is spoken in several. */
status models_speak(struct models *, struct arena *, const struct model_speech *, model_sink, void *arg) NODISCARD;
/* The voices that the record or the vendor names; may be none. */
status models_voices(struct models *, struct arena *, struct str tenant_id, struct str provider, struct str name, struct str **out, size_t *n) NODISCARD;

/* --- records: what the console and the command line edit --- */
struct model_record {
	struct str id, provider, name; /* provider as shown: "openai_api_compatible" */
	enum model_type type;
	struct str base_url;
	struct str key_hint;	/* first and last characters of the key, "" = none */
	struct json *settings;	/* object: context_size, max_tokens, vision, tools, schema, voices, prices ... */
	bool enabled, bundled;	/* bundled: of the model role */
	int64_t created_ms;
};
struct model_set {
	struct str tenant_id, provider, name, base_url, api_key; /* api_key.at NULL = keep the old */
	enum model_type type;
	const struct json *settings;
};
/* Creates or replaces by (tenant, provider, name, type). */
status models_set(struct models *, struct arena *, const struct model_set *, struct str *id) NODISCARD;
status models_list(struct models *, struct arena *, struct str tenant_id, struct model_record **out, size_t *n) NODISCARD;
status models_remove(struct models *, struct str tenant_id, struct str id) NODISCARD;
/* One small real call with these settings; the error says what to do. Does not store. */
status models_check(struct models *, struct arena *, const struct model_set *) NODISCARD;
/* provider and name empty = none set; then the first enabled one is the default. */
status models_default_get(struct models *, struct arena *, struct str tenant_id, enum model_type, struct str *provider, struct str *name) NODISCARD;
status models_default_set(struct models *, struct str tenant_id, enum model_type, struct str provider, struct str name) NODISCARD;
/* The protocols, for the console's provider list. */
struct provider_info {
	const char *id;	   /* "openai_api_compatible", "ollama", "tatara", ... */
	const char *label_en, *label_ja, *label_zh, *help_url;
	unsigned types;	   /* bit per model_type */
	bool needs_key, needs_url;
};
extern const struct provider_info *const provider_infos[];
extern const size_t provider_infos_len;
/* Short name, full plugin id ("langgenius/openai/openai") or old alias to our provider id; at == NULL: unknown. */
struct str provider_resolve(struct str name);

/* --- the model role (served on its unix socket, OpenAI protocol) --- */
/* POST /v1/embeddings, POST /v1/chat/completions (model "quote"), GET /v1/models, /health, /ready. */
struct http;
struct model_runtime;
struct model_runtime_options {
	struct str weights; /* path of e5-small-q4.bin; loaded when first asked for */
	int64_t unload_after_ms;
};
status model_runtime_open(const struct model_runtime_options *, struct model_runtime **out) NODISCARD;
void model_runtime_close(struct model_runtime *);
status model_runtime_handle(struct http *, void *runtime) NODISCARD; /* an http_handler */
