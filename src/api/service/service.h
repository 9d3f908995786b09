/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service: what the Service API and the web app's API have in common: reading of run requests,
 * starting of runs, shapes of answers, uploads. Both differ in who calls, in a few texts and in the
 * simple form of events.
 */
#pragma once
#include "api/api.h"
#include "api/stream.h"
#include "chat/chat.h"

struct workflow;

/* --- caller.c --- */
bool from_site(const struct call *);
struct chat_scope call_scope(const struct call *); /* after the end user is known */
enum stream_form call_form(const struct call *);
struct str call_from(const struct call *); /* service-api, web-app */
/* JSON body, then the end user named by its `user`; for the web app the passport has said it. */
status need_body_user(struct call *, bool required) NODISCARD;
status need_query_user(struct call *, bool required) NODISCARD;
/* chat, agent-chat and advanced-chat, else 400 not_chat_app. */
status need_chat_app(struct call *) NODISCARD;
/* Fails with 400 not_workflow_app, or app_unavailable / not_completion_app. */
status need_workflow_app(struct call *) NODISCARD;
status need_completion_app(struct call *) NODISCARD;
/* A query parameter that must be a UUID when given; required: 400 when absent. */
status query_uuid(struct call *, struct str name, bool required, struct str *out) NODISCARD;
/* Text or null member of the body; other types are 400. */
status body_text(struct call *, struct str name, struct str *out) NODISCARD;
struct str scalar_text(struct call *, const struct json *);

/* --- run.c --- */
status run_chat(struct call *) NODISCARD;
status run_completion(struct call *) NODISCARD;
/* workflow_id empty = the published one. */
status run_workflow(struct call *, struct str workflow_id) NODISCARD;
status run_more_like_this(struct call *, const struct message *, bool streaming) NODISCARD;
status run_stop_chat(struct call *) NODISCARD;
status run_stop_completion(struct call *) NODISCARD;
status run_stop_workflow(struct call *) NODISCARD;

/* --- talk.c: conversations and messages, for both --- */
status talk_conversations(struct call *, int pinned) NODISCARD;
status talk_rename(struct call *) NODISCARD;
status talk_messages(struct call *) NODISCARD;
status talk_feedback(struct call *) NODISCARD;
/* The questions, an array. */
status talk_suggested(struct call *, struct json **out) NODISCARD;

/* --- shape.c --- */
struct json *shape_conversation(struct arena *, const struct conversation *);
struct json *shape_message(struct call *, const struct message *);
struct json *shape_page(struct arena *, int64_t limit, bool more, struct json *data);
/* The site object without app fields. */
status shape_site(struct call *, bool prompt_public, struct json **out) NODISCARD;
/* 400 app_unavailable when a workflow is not published. */
status shape_parameters(struct call *, struct json **out) NODISCARD;
struct json *shape_meta(struct call *);
/* The features of the app: model_config, or the published workflow's. NULL when unpublished. */
status app_features(struct call *, const struct json **out) NODISCARD;

/* --- upload.c --- */
status upload_file(struct call *) NODISCARD;
/* The same for people of the console: the file belongs to the workspace, to no app. */
status upload_console_file(struct call *) NODISCARD;
struct upload;
/* The bytes, with Range for sound and film; attachment or a dangerous type: to be saved. */
status send_upload(struct call *, const struct upload *, bool attachment) NODISCARD;
/* Content-Disposition of a file that is to be saved. */
struct str upload_disposition(struct call *, struct str name);

/* --- the other handlers of the table --- */
status service_info(struct call *) NODISCARD;
status service_parameters(struct call *) NODISCARD;
status service_meta(struct call *) NODISCARD;
status service_site(struct call *) NODISCARD;
status service_end_user(struct call *) NODISCARD;
status service_run_get(struct call *) NODISCARD;
status service_run_logs(struct call *) NODISCARD;
status service_run_events(struct call *) NODISCARD;
status service_preview(struct call *) NODISCARD;

/* --- audio.c --- */
/* features: of the app, NULL = none are on. The app is loaded; for audio_speak the body, too. */
status audio_transcribe(struct call *, const struct json *features) NODISCARD;
status audio_speak(struct call *, const struct json *features) NODISCARD;
status service_audio_to_text(struct call *) NODISCARD;
status service_text_to_audio(struct call *) NODISCARD;

/* --- form.c: by key, by the page, from the console --- */
status service_form_get(struct call *) NODISCARD;
status service_form_post(struct call *) NODISCARD;
status site_form_get(struct call *) NODISCARD;
status site_form_post(struct call *) NODISCARD;
status site_form_upload(struct call *) NODISCARD;
status console_form_get(struct call *) NODISCARD;
status console_form_post(struct call *) NODISCARD;
status console_forms(struct call *) NODISCARD;
