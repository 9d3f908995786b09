/* SPDX-License-Identifier: Apache-2.0 */
/* tool: what the nodes that call tools share. */
#pragma once
#include "flow/file.h"
#include "flow/node/node.h"
#include "tool/tool.h"

struct tool_scope node_tool_scope(const struct node_run *);
/* The files of a result as file objects, an array; those that came as bytes are stored. */
status node_tool_files(struct node_run *, const struct tool_result *, struct json **out) NODISCARD;
