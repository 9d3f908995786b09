/* SPDX-License-Identifier: Apache-2.0 */
/* annotation: what the Service API and the console say of annotations in the same form. All act on
 * call->app. */
#pragma once
#include "api/api.h"
#include "chat/annotation.h"

/* {"id","question","answer","hit_count","created_at"} */
struct json *annotation_shape(struct arena *, const struct annotation *);
/* page, limit and keyword of the query; what is no number counts as left out. *limit: as asked for,
 * for the answer. */
void annotation_page_read(struct call *, struct annotation_page *, int64_t *limit);
struct json *annotation_page_json(struct arena *, struct json *data, const struct annotation_page *, int64_t limit, int64_t total);
/* A text of the body; at == NULL: absent or null. */
status annotation_body_text(struct call *, struct str name, struct str *out) NODISCARD;
status annotation_reply_list(struct call *) NODISCARD;
/* After call_body. action: enable, disable; others fail as recorded. */
status annotation_reply_switch(struct call *, struct str action, struct str account_id) NODISCARD;
status annotation_reply_job(struct call *, struct str kind, struct str id) NODISCARD;

status service_annotation_create(struct call *) NODISCARD;
status service_annotation_update(struct call *) NODISCARD;
status service_annotation_remove(struct call *) NODISCARD;
status service_annotation_switch(struct call *) NODISCARD;
status service_annotation_job(struct call *) NODISCARD;
