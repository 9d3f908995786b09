/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document: files as text: one row of a table a kind, one function a reader. Readers are pure, take
 * bytes of strangers and are fuzzed; they work in time and memory proportional to their input. Call
 * them on a pool thread (docs/decisions tells why not in a child process).
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;

struct document {
	struct str bytes;
	struct str extension; /* with or without the point; decides, when it is known */
	struct str mime_type; /* else this does */
	size_t text_max;      /* bytes of UTF-8; 0 = 64 MiB */
};
/* ERR_UNSUPPORTED names the kind; ERR_INVALID: broken; ERR_TOO_LARGE. The text is valid UTF-8. */
status document_text(struct arena *, const struct document *, struct str *out) NODISCARD;

/* --- readers; also for other callers that know what they have --- */
/* A Markdown table; rows as Python's csv module cuts them. */
status document_csv(struct arena *, struct str text, struct str *out) NODISCARD;
status document_vtt(struct arena *, struct str text, struct str *out) NODISCARD;
status document_properties(struct arena *, struct str text, struct str *out) NODISCARD;
/* The text of a message: its plain part, else its HTML part without tags. Bytes, not text. */
status document_eml(struct arena *, struct str bytes, size_t text_max, struct str *out) NODISCARD;
/* Tags off, blocks as lines, entities decoded, scripts and styles left out. */
struct str document_untag(struct arena *, struct str html);
