/* SPDX-License-Identifier: Apache-2.0 */
/* workflow_tool: runs workflow apps for those who call them as tools. */
#pragma once
#include "tool/tool.h"

struct services;
struct tool_hooks workflow_tool_hooks(struct services *);
