/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file: files of runs (workflow.md 4.6): what people send into apps, what nodes make, addresses of
 * others; their checks, their object form and their signed addresses.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;
struct flow;
struct json;

struct upload {
	struct str id, tenant_id, name, extension, mime_type, key, created_by, created_by_role;
	int64_t size, created_ms;
	bool used;
};
struct upload_new {
	struct str id; /* made by the caller: key of the blob holds it */
	struct str tenant_id, app_id, name, extension, mime_type, key, created_by;
	bool by_account; /* else by an end user */
	int64_t size;
};
status upload_add(struct flow *, struct arena *, const struct upload_new *) NODISCARD;
/* ERR_NOT_FOUND also for another workspace's. */
status upload_get(struct flow *, struct arena *, struct str tenant_id, struct str id, struct upload **out) NODISCARD;

/* What a variable or the app's file_upload feature allows. */
struct file_rules {
	const struct json *types, *extensions, *methods; /* arrays or NULL = all */
	int64_t number_limit;				 /* 0 = no limit */
};
/* Input mappings (array of {type, transfer_method, url, upload_file_id}) to file objects. */
status files_from_input(struct flow *, struct arena *, struct str tenant_id, const struct json *mappings, const struct file_rules *, struct json **out) NODISCARD;
/* A file that a node made: stored in the workspace; *out is its object (transfer_method tool_file). */
struct file_new {
	struct str tenant_id, app_id;
	struct str name; /* "" = one is made */
	struct str mime_type, bytes;
	struct str created_by;
	bool by_account;
};
status file_save(struct flow *, struct arena *, const struct file_new *, struct json **out) NODISCARD;
/* Programs and models make values, and one may look like a file of another workspace: ERR_NOT_FOUND.
 * Call it before the content of a value that a run made is read. */
status file_check_tenant(const struct json *file, struct str tenant_id) NODISCARD;
/* The content of a file object, stored or behind an address (guarded); ERR_TOO_LARGE past max. */
status file_content(struct flow *, struct arena *, const struct json *file, uint64_t max,
		    struct str *out) NODISCARD;
bool file_is(const struct json *); /* dify_model_identity says so */
/* The same file object with a fresh signed `url`. */
struct json *file_fresh(struct flow *, struct arena *, const struct json *file);
/* /files/<id>/file-preview?timestamp=&nonce=&sign= on FILES_URL. */
struct str file_signed_url(struct flow *, struct arena *, struct str upload_id);
/* /files/tools/<id><extension>?... for files that nodes made. */
struct str file_tool_url(struct flow *, struct arena *, struct str id, struct str extension);
bool file_check_signature(struct flow *, struct str upload_id, struct str timestamp, struct str nonce, struct str sign);
/* Content as the model wants it: a data: URL of base64, or an address (MULTIMODAL_SEND_FORMAT). */
status file_for_model(struct flow *, struct arena *, const struct json *file, struct str *url) NODISCARD;
/* image document audio video custom, by extension with the dot. */
struct str file_type_of(struct str extension);
