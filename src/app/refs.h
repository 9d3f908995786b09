/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refs: the variables that a node's data names: selectors (lists of texts) and {{#a.b#}} in texts.
 * Pure. What is switched off ("enabled": false) and programs in other languages are passed over.
 */
#pragma once
#include "base/core.h"
#include "base/json.h"
#include "base/str.h"

struct arena;

/* Where a value stands in the data: the way down from the top. */
struct ref_place {
	const struct ref_place *up;
	struct str key;		  /* of a member, or empty: */
	size_t index;		  /* of an item */
	const struct json *value; /* what stands there */
};
struct ref {
	const struct str *parts; /* two or more; lives as long as the call */
	size_t n;
	const struct ref_place *place;
	bool in_text; /* one of a template's */
};
struct refs {
	struct arena *mem;
	struct str type; /* of the node */
	/* A list of texts that begins with a node's id is a selector whatever its key. */
	bool (*known)(void *ctx, struct str node_id);
	void (*found)(void *ctx, const struct ref *);
	void *ctx;
};
void refs_each(const struct refs *, const struct json *data);
/* "start.city" */
struct str ref_text(struct arena *, const struct ref *);
/* "variables[0].value_selector" */
struct str ref_field(struct arena *, const struct ref_place *);
