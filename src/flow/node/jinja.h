/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jinja: Jinja2 templates of nodes and prompts. Small ones are rendered where the node runs, others on
 * a thread, and what our renderer does not do goes to the real package in the sandbox.
 */
#pragma once
#include "flow/node/node.h"

/* inputs: an object. *out lives in run->mem. Fails with node_fail and the text that Python would show,
 * or with ERR_CANCELLED. */
status node_jinja(struct node_run *, struct str source, const struct json *inputs, struct str *out) NODISCARD;
