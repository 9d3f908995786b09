/* SPDX-License-Identifier: Apache-2.0 */
/* annotations: the console's routes on annotations, and how the log shows them at messages. */
#pragma once
#include "api/api.h"
#include "chat/annotation.h"

/* {"id","question","content","account","created_at"}: the annotation made of a message. */
status made_annotation_json(struct call *, const struct annotation *, struct json **out) NODISCARD;
/* {"annotation_id","annotation_create_account","created_at"}: the one that answered a message. */
status annotation_hit_json(struct call *, const struct annotation_hit *, struct json **out) NODISCARD;

status console_annotations(struct call *) NODISCARD;
status console_annotation_create(struct call *) NODISCARD;
status console_annotations_remove(struct call *) NODISCARD;
status console_annotation_count(struct call *) NODISCARD;
status console_annotation_export(struct call *) NODISCARD;
status console_annotation_import(struct call *) NODISCARD;
status console_annotation_import_job(struct call *) NODISCARD;
status console_annotation_update(struct call *) NODISCARD;
status console_annotation_remove(struct call *) NODISCARD;
status console_annotation_hits(struct call *) NODISCARD;
status console_annotation_switch(struct call *) NODISCARD;
status console_annotation_job(struct call *) NODISCARD;
status console_annotation_setting(struct call *) NODISCARD;
status console_annotation_threshold(struct call *) NODISCARD;
