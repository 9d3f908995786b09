/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox_stub: a server that speaks the sandbox's protocol and really runs programs, with python3
 * and node as plain child processes: no jail, for tests only. Languages whose program is not
 * installed answer as a sandbox without it.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;
struct http_server;

struct sandbox_stub {
	struct http_server *server;
	struct str address; /* 127.0.0.1:port */
	struct str last;    /* body of the last request, in mem of open */
	struct arena *mem;
	int runs;
	/* When not 0, every run is answered with this status and text instead. */
	int answer_status;
	struct str answer;
	int pause_ms; /* before each answer */
};
/* Listens; the key is "k". Aborts when it cannot. */
void sandbox_stub_open(struct sandbox_stub *, struct arena *);
void sandbox_stub_close(struct sandbox_stub *);
bool sandbox_stub_has(const char *program);
