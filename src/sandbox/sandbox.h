/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox: runs programs of users in a jail (sandbox-and-proxy.md parts 1 and 2). This is the front:
 * fibers, HTTP, the queue. It holds the key and never runs user code; a launcher in a process of
 * its own does (launcher.h).
 */
#pragma once
#include "base/str.h"
#include "rt/rt.h"
#include "sandbox/wire.h"

struct arena;
struct buf;
struct config;
struct http;
struct sandbox;

struct sandbox_options {
	struct str self;     /* path of this program, for the launcher */
	struct str work_dir; /* a folder of our own for the jail */
	struct str key;
	struct str socks5; /* set by somebody who believes that it is used; no program speaks it */
	struct str proxy; /* where code with network gets out: "unix:PATH", "http://host:port" or "" */
	struct str requirements, pip_index; /* a file, and "" = pip's own */
	int64_t update_interval_s; /* 0 = not by itself */
	struct str profile; /* of requests that name none: pure, data, network, or empty */
	int64_t max_workers, max_requests, queue_timeout_s, worker_timeout_s, max_output;
	int64_t max_connections, max_upload_mb, max_download_mb; /* of one run, to the proxy */
	bool network, preload_enabled;
	struct launcher_settings launcher;
};
/* From settings, and the YAML file of the settings (SANDBOX_CONFIG, conf/config.yaml); unknown keys
 * of it are logged. Values live in the arena. *out must be zeroed. */
status sandbox_settings(struct arena *, const struct config *, struct sandbox_options *out) NODISCARD;
/* The same with the text of such a file, "" = none. */
status sandbox_settings_text(struct arena *, const struct config *, struct str yaml, struct sandbox_options *out) NODISCARD;
/* "seccomp" numbers and names, separated by commas or blanks; fails on what may never be allowed. */
status sandbox_parse_syscalls(struct str, uint16_t *out, uint32_t *len) NODISCARD;

/* Starts the launcher in the background and returns at once. */
status sandbox_open(const struct sandbox_options *, struct sandbox **out) NODISCARD;
void sandbox_close(struct sandbox *);
/* No new runs; waits for those that are there. */
void sandbox_drain(struct sandbox *, deadline);
/* Fails with the reason while no run can be taken. */
status sandbox_ready(struct sandbox *) NODISCARD;
void sandbox_metrics(struct sandbox *, struct buf *);
/* Every route of the sandbox. */
status sandbox_handle(struct http *, struct sandbox *) NODISCARD;
status sandbox_fail(struct http *) NODISCARD;
