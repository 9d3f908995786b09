/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream: run events in the form that clients read: server-sent events, or one answer when the run
 * has ended. One place for the Service API, the web app and the console's debug runs. The writing
 * functions are pure, so that they can be compared with recorded streams byte by byte.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"
#include "flow/flow.h"

struct buf;
struct call;
struct chat_moderation;
struct chat_turn;
struct json;
struct shorten_limits;

/* FULL: Service API. DEBUG: the same for people, long values shortened. SIMPLE: web app; shortened, and
 * node data without inputs and outputs. */
enum stream_form { STREAM_FULL, STREAM_DEBUG, STREAM_SIMPLE };

struct stream_run {
	struct str mode; /* workflow, advanced-chat, chat, completion */
	struct str run_id, task_id, workflow_id, message_id, conversation_id;
	int64_t created_ms; /* of the message, or of the run */
	enum stream_form form;
	struct str direct; /* at != NULL: there is no run; this is the answer */
	const struct json *annotation; /* whose answer it is, as metadata shows it; or NULL */
	const struct chat_moderation *moderation;
	const struct json *speech; /* not NULL: the answer is spoken, as text_to_speech of the app says */
	const struct shorten_limits *limits; /* NULL: nothing is shortened; set when the stream opens */
};
struct stream_run stream_of_turn(const struct chat_turn *, enum stream_form);
/* A workflow app's run. */
struct stream_run stream_of_run(const struct flow_info *, enum stream_form);

/* Streams the run from its beginning to its end. The run does not end with the client. */
status stream_events(struct call *, const struct stream_run *) NODISCARD;
/* From after_seq + 1 on, with `id:` lines to resume by; the tail of a chat comes too. It ends where
 * the run stands paused, or goes on through pauses. */
struct stream_from {
	int64_t after_seq;
	bool through_pauses;
	int64_t brief_until; /* up to this event only which nodes ran and how they ended, and what is waited for */
};
status stream_resume(struct call *, const struct stream_run *, const struct stream_from *) NODISCARD;
/* What the caller asks for: Last-Event-ID, continue_on_pause, include_state_snapshot. *resumes: it has read
 * some of the run before. */
status stream_read_from(struct call *, struct str run_id, struct stream_from *out, bool *resumes) NODISCARD;
/* Only the last workflow_finished (of a run that has ended), then the end. */
status stream_finished(struct call *, const struct stream_run *) NODISCARD;
/* Waits for the end and answers once; a failed chat is a failure with its public code. */
status stream_blocking(struct call *, const struct stream_run *) NODISCARD;
/* streaming or blocking. */
status stream_reply(struct call *, const struct stream_run *, bool streaming) NODISCARD;

/* --- pure: text of one wire event (without "data: "), empty = nothing is sent for it --- */
void stream_write_event(struct arena *, struct buf *, const struct stream_run *,
			const struct flow_event *);
/* {"event":"error",...} */
void stream_write_error(struct buf *, const struct stream_run *, struct str slug, int http,
			struct str text);
/* tts_message or tts_message_end. */
void stream_write_audio(struct buf *, const struct stream_run *, struct str event, struct str base64);
/* The n-th event after the run's last one, from 0: message_replace, message_end or error; false
 * when there are no more. answer: what moderation looks at. */
bool stream_write_tail(struct arena *, struct buf *, const struct stream_run *,
		       const struct flow_result *, struct str answer, size_t n);
/* The body of a blocking answer; ERR_INVALID with the public code for a failed chat. */
status stream_blocking_body(struct arena *, const struct stream_run *, const struct flow_result *,
			    struct json **out) NODISCARD;
