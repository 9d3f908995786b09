/* SPDX-License-Identifier: Apache-2.0 */
/* annotation_int: what the files about annotations share. */
#pragma once
#include "chat/annotation.h"
#include "chat/chat_int.h"

/* --- annotation.c --- */
/* Adds the row of one annotation to a batch; its statement's index. */
size_t annotation_batch_add(struct arena *, struct db_batch *, const struct annotation_new *,
			    struct str conversation_id, int64_t now);
/* Adds a check to a batch: ERR_STALE when the app may not have n more. */
void annotation_batch_room(struct chats *, struct db_batch *, struct str tenant_id,
			   struct str app_id, int64_t n);
/* Adds "vectors of this app may be missing" to a batch, for a worker. */
status annotation_batch_sync(struct chats *, struct arena *, struct db_batch *, struct str tenant_id,
			     struct str app_id) NODISCARD;

/* --- annotation_index.c: vectors of an app in memory --- */
struct annotation_cache;
struct annotation_cache *annotation_cache_open(void);
void annotation_cache_close(struct annotation_cache *);
/* The name under which vectors of a model are kept. */
struct str annotation_model_key(struct arena *, struct str provider, struct str model);
struct annotation_near {
	struct str id;
	double score; /* cosine */
};
/* The annotation nearest to a vector; id.at == NULL: there is none, or only of other lengths. */
status annotation_nearest(struct chats *, struct arena *, struct str tenant_id, struct str app_id,
			  const struct annotation_setting *, const float *vector, size_t dims,
			  struct annotation_near *out) NODISCARD;

/* --- annotation_reply.c: in a turn --- */
struct annotation_answer {
	struct annotation annotation;
	struct str account_name;
	double score;
};
/* What answers in place of the model; *out = NULL: nothing does. A model server that is away costs
 * the annotation, not the turn. */
status annotation_find(struct chats *, struct arena *, const struct chat_scope *, struct str query,
		       struct annotation_answer **out) NODISCARD;
/* As metadata shows it: {"id", "account": {"id", "name"}}. */
struct json *annotation_json(struct arena *, const struct annotation_answer *);
/* The hit and its count. */
void annotation_batch_hit(struct arena *, struct db_batch *, const struct chat_request *,
			  const struct annotation_answer *, const struct chat_turn *, int64_t now);

/* --- annotation_import.c --- */
/* The rows of an import as JSON, [[question, answer], ...], and their number. */
status annotation_read_csv(struct chats *, struct arena *, struct str csv, struct json **out) NODISCARD;
