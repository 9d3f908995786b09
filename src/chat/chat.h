/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chat: conversations, messages, memory, feedback, naming, follow-up questions; turns of chat,
 * completion and chatflow apps on top of flow. Knows apps only by what is passed in.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"
#include "flow/flow.h"

struct arena;
struct config;
struct db;
struct json;
struct models;
struct chats;

struct chats_options {
	struct db *db;
	struct broker *broker;
	struct models *models;
	const struct config *config;
};
/* Opens before flow (flow takes chat_hooks), then chats_attach gives it the engine. */
status chats_open(const struct chats_options *, struct chats **out) NODISCARD;
void chats_attach(struct chats *, struct flow *);
struct flow_hooks chat_hooks(struct chats *);
void chats_close(struct chats *);
