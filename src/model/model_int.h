/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model_int: what the files of this folder share: the resolved target of a call, the table of
 * protocols and dialects, records and their cache. Only this folder includes it.
 */
#pragma once
#include "model/model.h"

struct buf;

/* Named limits of outgoing calls. */
enum {
	MODEL_TRIES_MAX = 3,	      /* calls of one request, the first included */
	MODEL_BACKOFF_MS = 250,	      /* before the second try, doubled after each */
	MODEL_RETRY_AFTER_MAX_S = 5,  /* a server that asks for a longer pause gets no retry */
	MODEL_CONNECT_MS = 10000,
	MODEL_READ_MS = 600000,	      /* without any data */
	MODEL_ERROR_BODY_MAX = 64 << 10,
	MODEL_EVENT_MAX = 8 << 20,    /* one server-sent event */
	MODEL_ANSWER_MAX = 32 << 20,  /* text of one answer */
	MODEL_TOOL_CALLS_MAX = 128,
	MODEL_SPEECH_MAX = 64 << 20,  /* bytes of sound for one text */
	MODEL_EMBED_BATCH = 32,	      /* texts a request, unless max_chunks says otherwise */
	MODEL_EMBED_DIMS_MAX = 16384,
	MODEL_CACHE_MS = 2000,	      /* how long records of a workspace are believed */
	MODEL_CACHE_TENANTS = 512,
};

/* How servers of one protocol differ: data, not code. */
struct dialect {
	const char *id;		/* provider id as shown */
	const char *base_url;	/* NULL: the record must tell */
	bool usage_option;	/* understands stream_options.include_usage */
	bool input_type;	/* embeddings take input_type query|passage */
	bool names_reasoning;	/* o1, o3, gpt-5: max_completion_tokens */
	bool knows_tools, knows_vision, knows_schema; /* what a model has when its record is silent */
	const char *voices;	/* of speech models, comma-separated; NULL: the record may tell */
};

/* One resolved model: everything a call needs, in the caller's arena. */
struct target {
	const struct provider *provider;
	struct str provider_id, name; /* as recorded */
	struct str upstream;	      /* the server's name for it */
	enum model_type type;
	struct str base_url;	      /* without a slash at the end */
	struct str api_key;
	struct str unix_socket;
	const struct json *settings;  /* object or NULL */
};

struct call_failure {
	int http; /* the server's status, 0 = no answer */
};

struct protocol {
	status (*chat)(struct models *, struct arena *, const struct target *,
		       const struct model_request *, model_sink, void *arg, struct model_answer *,
		       struct call_failure *);
	status (*embed)(struct models *, struct arena *, const struct target *, const struct str *texts,
			size_t n, bool query, float **out, size_t *dims, int64_t *tokens,
			struct call_failure *);
	status (*rerank)(struct models *, struct arena *, const struct target *, struct str query,
			 const struct str *texts, size_t n, size_t top_n, struct model_rank **out,
			 size_t *out_n, struct call_failure *);
	status (*transcribe)(struct models *, struct arena *, const struct target *,
			     const struct model_sound *, struct str *text, struct call_failure *);
	/* One text of bounded length. */
	status (*speak)(struct models *, struct arena *, const struct target *, struct str text,
			struct str voice, model_sink, void *arg, struct call_failure *);
	/* Names the server offers, for advice; any failure is just a failure. */
	status (*names)(struct models *, struct arena *, const struct target *, struct str *out);
};
extern const struct protocol protocol_openai;

struct provider {
	struct provider_info info;
	const struct protocol *protocol;
	struct dialect dialect;
};
/* By our own id; NULL = none. */
const struct provider *provider_find(struct str id);

struct record_cache;
struct models {
	struct db *db;
	struct client *client;
	const struct config *config;
	unsigned char seal_key[CRYPT_KEY_LEN];
	struct str model_socket;
	struct record_cache *cache;
	struct arena *mem;
	struct str default_url, default_name, default_key; /* TATARA_DEFAULT_MODEL_* */
};

/* --- record.c --- */
struct record_cache *record_cache_open(void);
void record_cache_close(struct record_cache *);
/* Finds what app files mean by provider and name, workflow.md 1.4. */
status target_find(struct models *, struct arena *, struct str tenant_id, struct str provider,
		   struct str name, enum model_type, struct target *out) NODISCARD;
/* The stored key of a record; empty when there is none. */
status record_key(struct models *, struct arena *, const struct model_set *, struct str *key) NODISCARD;
/* Checks and completes what a user entered: provider, names, address. Slices of `in` and mem. */
status target_of_set(struct models *, struct arena *, const struct model_set *, struct target *out)
	NODISCARD;

/* --- usage.c --- */
void usage_price(struct arena *, struct model_usage *, const struct json *settings);
int64_t usage_estimate(struct str text);
int64_t usage_estimate_messages(const struct json *messages);

/* --- upstream.c: HTTP towards a model server, for all protocols --- */
struct client_request;
struct client_stream;
struct client_response;
struct upstream {
	struct models *models;
	const struct target *target;
	struct str path;   /* appended to the base URL */
	struct str body;   /* JSON; empty and without parts = GET */
	const struct str *parts; /* instead of body: sent one after the other, never copied */
	size_t part_count;
	struct str type;   /* of the parts */
	struct call_failure *failure;
};
/* Opens an answer with status 2xx, with retries; else fails with the vendor's words. */
status upstream_open(struct arena *, const struct upstream *, struct client_stream **out) NODISCARD;
/* The whole answer as JSON. */
status upstream_json(struct arena *, const struct upstream *, struct json **out) NODISCARD;
/* Turns the server's error object into our failure. */
status upstream_refused(const struct target *, int http, struct str body, struct arena *);
/* After a failure of the transport: names the server, keeps cancellation and our own deadline. */
status upstream_broken(const struct target *);
/* Waits before try number `tries` + 1, or says that there will be none. */
bool upstream_again(int tries, int http, int64_t retry_after_s);

/* --- openai_audio.c --- */
status openai_transcribe(struct models *, struct arena *, const struct target *,
			 const struct model_sound *, struct str *text, struct call_failure *) NODISCARD;
status openai_speak(struct models *, struct arena *, const struct target *, struct str text,
		    struct str voice, model_sink, void *arg, struct call_failure *) NODISCARD;

/* --- audio.c --- */
/* The voices of a resolved model. */
void target_voices(struct arena *, const struct target *, struct str **out, size_t *n);
/* A second of silence as a WAV file, for checks. */
struct str silent_wav(struct arena *);

/* --- openai_body.c, openai_read.c --- */
struct str openai_chat_body(struct arena *, const struct target *, const struct model_request *,
			    bool usage_option);
/* Puts the pieces of a streamed answer together. Pure: no I/O, so that it can be fuzzed. */
struct openai_reader {
	struct arena *mem;
	struct buf *text, *reasoning;
	bool thinking;	/* inside <think> */
	bool done;	/* a finish_reason or [DONE] was seen */
	struct str finish_reason;
	struct json *tool_calls;
	struct {
		int64_t index;
		struct str id, name;
		struct buf *arguments;
	} *calls;
	size_t call_count;
	int64_t prompt_tokens, completion_tokens, total_tokens;
	bool has_usage;
	model_sink sink;
	void *sink_arg;
	bool any; /* a piece was passed on */
};
void openai_reader_init(struct openai_reader *, struct arena *, model_sink, void *arg);
/* One event's data. *error = the vendor's text when the event is an error object. */
status openai_reader_event(struct openai_reader *, struct arena *scratch, struct str data,
			   struct str *error) NODISCARD;
status openai_reader_end(struct openai_reader *) NODISCARD;
