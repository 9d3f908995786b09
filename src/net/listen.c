/* SPDX-License-Identifier: Apache-2.0 */
/* listen: listening sockets from their texts. Blocking-free: addresses are literals, not names. */
#include "net/http.h"
#include "base/arena.h"
#include "base/err.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un un;
	struct sockaddr_storage space;
};

static status parse_tcp(struct str where, union address *a, socklen_t *len)
{
	size_t colon = str_rfind_char(where, ':');
	int64_t port;
	if (colon == SIZE_MAX || str_to_i64(str_skip(where, colon + 1), &port) || port < 0 ||
	    port > 65535)
		return err_set(ERR_INVALID, "listen address \"%.*s\": want ADDRESS:PORT", STR(where));
	struct str host = str_sub(where, 0, colon);
	char text[INET6_ADDRSTRLEN + 1];
	if (str_eq(host, S("*")) || !host.len)
		host = S("0.0.0.0");
	else if (str_eq(host, S("localhost")))
		host = S("127.0.0.1");
	bool v6 = host.len > 2 && host.at[0] == '[' && host.at[host.len - 1] == ']';
	if (v6)
		host = str_sub(host, 1, host.len - 2);
	if (host.len >= sizeof text)
		return err_set(ERR_INVALID, "listen address \"%.*s\": host too long", STR(where));
	memcpy(text, host.at, host.len);
	text[host.len] = 0;
	*len = v6 ? sizeof a->v6 : sizeof a->v4;
	a->any.sa_family = v6 ? AF_INET6 : AF_INET;
	void *to = v6 ? (void *)&a->v6.sin6_addr : (void *)&a->v4.sin_addr;
	if (v6)
		a->v6.sin6_port = htons((uint16_t)port);
	else
		a->v4.sin_port = htons((uint16_t)port);
	if (inet_pton(a->any.sa_family, text, to) != 1)
		return err_set(ERR_INVALID, "listen address \"%.*s\": not an IP address",
			       STR(where));
	return 0;
}

static status parse_unix(struct str path, union address *a, socklen_t *len)
{
	if (!path.len || path.len >= sizeof a->un.sun_path || memchr(path.at, 0, path.len))
		return err_set(ERR_INVALID, "listen address \"unix:%.*s\": bad path", STR(path));
	a->un.sun_family = AF_UNIX;
	memcpy(a->un.sun_path, path.at, path.len);
	*len = sizeof a->un;
	return 0;
}

/* Removes a socket file that nobody listens on any more. */
static status clear_stale(const union address *a, socklen_t len)
{
	struct stat st;
	if (lstat(a->un.sun_path, &st))
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return err_set(ERR_CONFLICT, "%s exists and is no socket", a->un.sun_path);
	AUTO(fd) probe = { socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) };
	if (probe.n < 0)
		return err_errno("socket");
	if (!connect(probe.n, &a->any, len) || errno == EAGAIN)
		return err_set(ERR_CONFLICT, "%s is in use", a->un.sun_path);
	if (unlink(a->un.sun_path) && errno != ENOENT)
		return err_errno("unlink %s", a->un.sun_path);
	return 0;
}

/* Options that accepted connections inherit, so that accepting costs no further calls. */
static void tcp_options(int fd)
{
	const struct {
		int level, name, value;
	} options[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },      { SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, 60 },    { IPPROTO_TCP, TCP_KEEPINTVL, 15 },
		{ IPPROTO_TCP, TCP_KEEPCNT, 4 },
	};
	for (size_t i = 0; i < countof(options); i++)
		(void)setsockopt(fd, options[i].level, options[i].name, &options[i].value,
				 sizeof options[i].value);
}

static status adopt(struct str number, int *fd)
{
	int64_t n;
	int listening = 0;
	socklen_t len = sizeof listening;
	if (str_to_i64(number, &n) || n < 0 || n > INT32_MAX ||
	    getsockopt((int)n, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) || !listening)
		return err_set(ERR_INVALID, "listen address \"fd:%.*s\": no listening socket",
			       STR(number));
	int flags = fcntl((int)n, F_GETFL);
	if (flags < 0 || fcntl((int)n, F_SETFL, flags | O_NONBLOCK) ||
	    fcntl((int)n, F_SETFD, FD_CLOEXEC))
		return err_errno("fcntl");
	tcp_options((int)n);
	*fd = (int)n;
	return 0;
}

status listen_open(struct str where, int *fd)
{
	if (str_starts(where, S("fd:")))
		return adopt(str_skip(where, 3), fd);
	bool local = str_starts(where, S("unix:"));
	union address a = { 0 };
	socklen_t len = 0;
	if (local ? parse_unix(str_skip(where, 5), &a, &len) : parse_tcp(where, &a, &len))
		return -1;
	if (local && clear_stale(&a, len))
		return -1;
	AUTO(fd) s = { socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) };
	if (s.n < 0)
		return err_errno("socket");
	int one = 1;
	if (!local) {
		(void)setsockopt(s.n, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
		tcp_options(s.n);
	}
	if (bind(s.n, &a.any, len))
		return err_errno("bind %.*s", STR(where));
	if (listen(s.n, BACKLOG))
		return err_errno("listen %.*s", STR(where));
	*fd = s.n;
	s.n = -1;
	return 0;
}

struct str listen_name(struct arena *mem, int fd)
{
	union address a = { 0 };
	socklen_t len = sizeof a;
	char text[INET6_ADDRSTRLEN] = "";
	if (getsockname(fd, &a.any, &len))
		return S("");
	switch (a.any.sa_family) {
	case AF_INET:
		inet_ntop(AF_INET, &a.v4.sin_addr, text, sizeof text);
		return arena_printf(mem, "%s:%u", text, (unsigned)ntohs(a.v4.sin_port));
	case AF_INET6:
		inet_ntop(AF_INET6, &a.v6.sin6_addr, text, sizeof text);
		return arena_printf(mem, "[%s]:%u", text, (unsigned)ntohs(a.v6.sin6_port));
	case AF_UNIX:
		return arena_printf(mem, "unix:%.*s", (int)sizeof a.un.sun_path, a.un.sun_path);
	}
	return S("");
}
