/* SPDX-License-Identifier: Apache-2.0 */
/* blob: files by key ("upload_files/<tenant>/<id>.<ext>"). A put is whole or absent. */
#pragma once
#include "base/core.h"
#include "base/str.h"
#include "rt/rt.h"

struct arena;
struct blob;
status blob_open_dir(struct str directory, struct blob **out) NODISCARD;
void blob_close(struct blob *);

/* Streamed write: add pieces, then finish (or close to drop it). ERR_FULL when the disk is. */
struct blob_writer;
status blob_create(struct blob *, struct str key, struct blob_writer **out) NODISCARD;
status blob_add(struct blob_writer *, struct str piece) NODISCARD;
status blob_finish(struct blob_writer *, uint64_t *size) NODISCARD; /* durable when it returns; frees */
void blob_writer_close(struct blob_writer *);			     /* drops an unfinished one */
DEFINE_AUTO(blob_writer, struct blob_writer, blob_writer_close)
status blob_put(struct blob *, struct str key, struct str bytes) NODISCARD;

/* Whole, at most max bytes. ERR_NOT_FOUND. */
status blob_get(struct blob *, struct arena *, struct str key, uint64_t max, struct str *out) NODISCARD;
/* An open file for http_reply_fd and its size; the caller closes it. */
status blob_fd(struct blob *, struct str key, int *fd, uint64_t *size) NODISCARD;
status blob_remove(struct blob *, struct str key) NODISCARD; /* absent is fine */
/* Writes, reads and removes a probe. */
status blob_check(struct blob *) NODISCARD;
