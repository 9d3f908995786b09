/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sentence: cuts text into sentences and remembers where each stands: byte offset, title of its
 * document, headings above it (Markdown or plain text). Knows the sentence ends of English,
 * Japanese and Chinese; other languages with Western punctuation work as English does. Lists,
 * tables and code blocks stay whole lines or blocks. Pure; slices point into the given text.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;

enum { SENTENCE_HEADINGS = 6, SENTENCE_LEN_MAX = 2000, SENTENCE_COUNT_MAX = 200000 };

enum sentence_kind { SENTENCE_TEXT, SENTENCE_ITEM, SENTENCE_CODE };
struct sentence {
	struct str text; /* trimmed; may hold line breaks of wrapped paragraphs */
	size_t offset;	 /* of text in the whole */
	struct str title;	/* of the document: its first-level heading, "" = none */
	struct str heading;	/* the nearest heading below the title, "" = none */
	uint32_t paragraph;	/* equal for the sentences of one paragraph, list or code block */
	uint32_t section;	/* equal between two headings */
	enum sentence_kind kind;
};
/* A sentence longer than SENTENCE_LEN_MAX is cut at a character. Returns their number. */
size_t sentence_split(struct arena *, struct str text, struct sentence **out);
/* A sentence behind its heading (or title), as it is compared with questions. */
struct str sentence_in_place(struct arena *, const struct sentence *);

/* The script that decides in which language an answer's own words are. */
enum script { SCRIPT_LATIN, SCRIPT_JAPANESE, SCRIPT_CHINESE };
enum script script_of(struct str);
