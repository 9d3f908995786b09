/* SPDX-License-Identifier: Apache-2.0 */
#include "test/component/tool/sandbox_stub.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "net/http.h"
#include "os/os.h"

/* The file that a program writes to or is read from; gone when it is closed. */
static int scratch(struct str content)
{
	char path[] = "/tmp/tatara-sandbox-stub-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0 || write(fd, content.at ? content.at : "", content.len) != (ssize_t)content.len)
		abort();
	unlink(path);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static struct str content_of(struct arena *mem, int fd)
{
	off_t n = lseek(fd, 0, SEEK_END);
	char *at = arena_text(mem, (size_t)n + 1);
	if (pread(fd, at, (size_t)n, 0) != n)
		abort();
	return str_of(at, (size_t)n);
}

bool sandbox_stub_has(const char *program)
{
	char path[64];
	snprintf(path, sizeof(path), "/usr/bin/%s", program);
	return access(path, X_OK) == 0;
}

static status run(struct arena *mem, struct str language, struct str code, struct json *data)
{
	bool python = str_eq(language, S("python3"));
	const char *const python_argv[] = { "/usr/bin/python3", "-I", "-", NULL };
	const char *const node_argv[] = { "/usr/bin/node", "-", NULL };
	AUTO(fd) in = { scratch(code) };
	AUTO(fd) out = { scratch(S("")) };
	AUTO(fd) err = { scratch(S("")) };
	struct proc_options o = { .argv = python ? python_argv : node_argv, .stdin_fd = in.n,
				  .stdout_fd = out.n, .stderr_fd = err.n };
	AUTO(proc) p = { NULL };
	int exit_code;
	if (proc_spawn(&o, &p.p) || proc_wait(p.p, deadline_in_ms(20000), &exit_code))
		return -1;
	json_set_str(mem, data, S("stdout"), content_of(mem, out.n));
	json_set_str(mem, data, S("error"),
		     exit_code ? arena_printf(mem, "process exited with code %d\n%.*s", exit_code,
					      STR(content_of(mem, err.n)))
			       : S(""));
	return 0;
}

static status handle(struct http *h, void *ctx)
{
	struct sandbox_stub *s = ctx;
	struct str body;
	struct json *q, *answer = json_obj(h->mem), *data = json_obj(h->mem);
	if (!str_eq(http_header(h, S("X-Api-Key")), S("k")))
		return http_reply(h, 401, S(""), S(""));
	if (http_body(h, &body) || json_parse(h->mem, body, &q))
		return -1;
	s->runs++;
	s->last = arena_str(s->mem, body);
	if (s->pause_ms && fiber_sleep_ms(s->pause_ms))
		return -1;
	if (s->answer_status)
		return http_reply(h, s->answer_status, S("application/json"), s->answer);
	if (!str_eq(h->path, S("/v1/sandbox/run")))
		return http_reply(h, 404, S("text/plain"), S("404 page not found"));
	if (run(h->mem, json_get_str(q, S("language")), json_get_str(q, S("code")), data))
		return -1;
	json_set_int(h->mem, answer, S("code"), 0);
	json_set_str(h->mem, answer, S("message"), S("success"));
	json_set(h->mem, answer, S("data"), data);
	return http_reply(h, 200, S("application/json"), json_text(h->mem, answer, JSON_COMPACT));
}

void sandbox_stub_open(struct sandbox_stub *s, struct arena *mem)
{
	struct http_options o = { .handler = handle, .ctx = s };
	int fd;
	*s = (struct sandbox_stub){ .mem = mem };
	if (listen_open(S("127.0.0.1:0"), &fd))
		abort();
	s->address = listen_name(mem, fd);
	if (http_serve(&o, &fd, 1, &s->server))
		abort();
}

void sandbox_stub_close(struct sandbox_stub *s)
{
	if (!s->server)
		return;
	http_server_drain(s->server, deadline_in_ms(100));
	http_server_close(s->server);
	s->server = NULL;
}
