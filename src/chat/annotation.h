/* SPDX-License-Identifier: Apache-2.0 */
/*
 * annotation: answers that people wrote for questions of an app, and the search that gives them in
 * place of the model's (workflow.md 8.4). Rows are the truth; vectors of the questions are made by
 * jobs of a worker and belong to one embedding model each. Every read and write names tenant and app.
 *
 *	add, change, import --> row --> job of the worker --> vector, version + 1
 *	question of a user --> vector --> nearest of the app's vectors, held in memory a version
 */
#pragma once
#include "base/core.h"
#include "base/str.h"
#include "rt/rt.h"

struct arena;
struct chats;
struct json;

struct annotation {
	struct str id, conversation_id, message_id; /* the last two empty: written by hand */
	struct str question, content, account_id;
	int64_t hit_count, created_ms;
};
struct annotation_page {
	struct str keyword; /* in question or answer; empty = all */
	int64_t page, limit;
};
/* Newest first. */
status annotation_list(struct chats *, struct arena *, struct str tenant_id, struct str app_id, const struct annotation_page *, struct annotation **out, size_t *n, int64_t *total) NODISCARD;
/* The next of all, newest first: at most `most` behind `after`; NULL = from the newest. */
status annotation_next(struct chats *, struct arena *, struct str tenant_id, struct str app_id, const struct annotation *after, int64_t most, struct annotation **out, size_t *n) NODISCARD;
/* "Annotation not found" */
status annotation_get(struct chats *, struct arena *, struct str tenant_id, struct str app_id, struct str id, struct annotation **out) NODISCARD;
status annotation_count(struct chats *, struct arena *, struct str tenant_id, struct str app_id, int64_t *out) NODISCARD;

struct annotation_new {
	struct str tenant_id, app_id, account_id;
	struct str message_id; /* the message that is corrected: its annotation is replaced. Or empty */
	struct str question;   /* empty: the message's */
	struct str content;
};
/* ERR_NOT_FOUND "Message Not Exists.", ERR_LIMIT at TATARA_ANNOTATIONS_MAX. */
status annotation_add(struct chats *, struct arena *, const struct annotation_new *, struct annotation **out) NODISCARD;
/* Question or content with at == NULL stay. */
status annotation_update(struct chats *, struct arena *, struct str tenant_id, struct str app_id, const struct annotation *, struct annotation **out) NODISCARD;
/* Removes those of the ids that are the app's, with their hits; "Annotation not found" when none is. */
status annotation_remove(struct chats *, struct arena *, struct str tenant_id, struct str app_id, const struct str *ids, size_t n) NODISCARD;
status annotation_clear(struct chats *, struct arena *, struct str tenant_id, struct str app_id) NODISCARD;

/* --- when one answered --- */
struct annotation_hit {
	struct str id, annotation_id, message_id, source, question;
	struct str annotation_question, annotation_content, annotation_account_id;
	double score;
	int64_t created_ms;
};
status annotation_hits(struct chats *, struct arena *, struct str tenant_id, struct str app_id, struct str annotation_id, const struct annotation_page *, struct annotation_hit **out, size_t *n, int64_t *total) NODISCARD;
/* What belongs to the messages of a conversation: annotations made of them, hits that answered. */
struct annotation_marks {
	struct annotation *made;
	struct annotation_hit *hits;
	size_t made_count, hit_count;
};
status annotation_marks_get(struct chats *, struct arena *, struct str tenant_id, struct str app_id, struct str conversation_id, struct annotation_marks *) NODISCARD;

/* --- settings --- */
struct annotation_setting {
	struct str id, provider, model;
	bool enabled;
	double score_threshold;
	int64_t version;
};
/* *out = NULL when the app never had any. */
status annotation_setting_get(struct chats *, struct arena *, struct str tenant_id, struct str app_id, struct annotation_setting **out) NODISCARD;
/* ERR_NOT_FOUND "Annotation settings not found" unless id is the app's. */
status annotation_threshold_set(struct chats *, struct arena *, struct str tenant_id, struct str app_id, struct str id, double score_threshold) NODISCARD;

/* --- jobs --- */
#define ANNOTATION_QUEUE "annotation"
struct annotation_job {
	struct str id, kind, status, error; /* status: waiting, processing, completed, error */
	int64_t done, total;
};
struct annotation_enable {
	struct str tenant_id, app_id, account_id, provider, model;
	double score_threshold;
};
/* Makes the vectors, then switches over; while it works, what was on before stays on. */
status annotation_enable(struct chats *, struct arena *, const struct annotation_enable *, struct str *job_id) NODISCARD;
status annotation_disable(struct chats *, struct arena *, struct str tenant_id, struct str app_id, struct str account_id, struct str *job_id) NODISCARD;
/* A CSV file: a header line, then question and answer in the first two columns. Checks the limits
 * ANNOTATION_IMPORT_*; *records = rows that will be stored. */
status annotation_import(struct chats *, struct arena *, struct str tenant_id, struct str app_id, struct str account_id, struct str csv, struct str *job_id, int64_t *records) NODISCARD;
/* "The job does not exist." unless it is of this kind. */
status annotation_job_get(struct chats *, struct arena *, struct str tenant_id, struct str app_id, struct str kind, struct str id, struct annotation_job **out) NODISCARD;
/* Takes one job of the queue and does it; waits until there is one. For the worker. A failure of
 * the job itself is the job's status, not the caller's failure. */
status annotation_work(struct chats *) NODISCARD;
