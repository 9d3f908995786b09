/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns: see the header. A look-up is one socket of its own: a port that the kernel picks and 16
 * random bits a question are what a forger has to guess. The socket is connected, so that answers
 * of others never arrive.
 */
#include "net/dns.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/id.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SERVERS_MAX = 4,
	TIMEOUT_MS = 5000,
	TRY_MS = 1500,	/* before the next server is asked */
	SECOND_MS = 300, /* for the other family once one has come */
	UDP_MAX = 4096,
	FILE_MAX = 64 << 10,
	PORT_DNS = 53,
};

struct dns {
	union net_addr server[SERVERS_MAX];
	size_t servers;
	bool fixed; /* servers are a setting */
	struct timespec conf_time;
	char *hosts_path;
	int64_t timeout_ms;
	struct dns_stats stats;
};

/* One family of a look-up. */
struct question {
	enum dns_type type;
	uint16_t id;
	bool done;
	enum dns_outcome outcome;
	struct dns_reply reply;
};
struct lookup {
	struct dns *dns;
	struct str name;
	struct question q[2];
	deadline until;
	uint8_t packet[UDP_MAX];
};

/* --- servers --- */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The next word of a line; empty at its end. */
static struct str word(struct str *line)
{
	size_t i = 0, n;
	while (i < line->len && is_space(line->at[i]))
		i++;
	for (n = i; n < line->len && !is_space(line->at[n]);)
		n++;
	struct str w = str_sub(*line, i, n - i);
	*line = str_skip(*line, n);
	return w;
}

/* Small files of the system; start-up code and, when they change, a page from the cache. */
static size_t read_small(const char *path, char *out, size_t cap)
{
	AUTO(fd) f = { open(path, O_RDONLY | O_CLOEXEC) };
	size_t len = 0;
	for (ssize_t n; f.n >= 0 && len < cap && (n = read(f.n, out + len, cap - len)) > 0;)
		len += (size_t)n;
	return len;
}

static void read_conf(struct dns *d, const char *path)
{
	struct stat st;
	if (d->fixed || stat(path, &st) ||
	    (d->servers && st.st_mtim.tv_sec == d->conf_time.tv_sec &&
	     st.st_mtim.tv_nsec == d->conf_time.tv_nsec))
		return;
	d->conf_time = st.st_mtim;
	AUTO(arena) mem = { arena_open(0) };
	char *text = arena_text(mem.p, FILE_MAX);
	struct str rest = str_of(text, read_small(path, text, FILE_MAX));
	size_t count = 0;
	while (rest.len && count < SERVERS_MAX) {
		struct str line = str_cut(&rest, '\n');
		if (!str_eq(word(&line), S("nameserver")))
			continue;
		struct str at = word(&line);
		/* A zone ("fe80::1%eth0") is no address that can be connected to without it. */
		if (net_addr_parse(at, PORT_DNS, &d->server[count]))
			count++;
	}
	if (count)
		d->servers = count;
}

static status read_servers(struct dns *d, struct str list)
{
	d->fixed = true;
	while (list.len) {
		struct str item = str_trim(str_cut(&list, ','));
		if (!item.len)
			continue;
		if (d->servers == SERVERS_MAX ||
		    !net_addr_parse_port(item, PORT_DNS, &d->server[d->servers]))
			return err_set(ERR_INVALID, "\"%.*s\" is no name server: use ADDRESS:PORT, at "
				       "most %d of them", STR(item), SERVERS_MAX);
		d->servers++;
	}
	return 0;
}

status dns_open(const struct dns_options *o, struct dns **out)
{
	AUTO(dns) d = { mem_zero(sizeof(struct dns)) };
	d.p->timeout_ms = o->timeout_ms ? o->timeout_ms : TIMEOUT_MS;
	struct str hosts = o->hosts.len ? o->hosts : S("/etc/hosts");
	d.p->hosts_path = mem_zero(hosts.len + 1);
	memcpy(d.p->hosts_path, hosts.at, hosts.len);
	if (str_trim(o->servers).len && read_servers(d.p, o->servers))
		return -1;
	read_conf(d.p, "/etc/resolv.conf");
	if (!d.p->servers && !d.p->fixed) /* as resolv.conf(5) says */
		d.p->servers = net_addr_parse(S("127.0.0.1"), PORT_DNS, &d.p->server[0]);
	*out = take(d.p);
	return 0;
}

void dns_close(struct dns *d)
{
	if (!d)
		return;
	free(d->hosts_path);
	free(d);
}

int64_t dns_timeout_ms(const struct dns *d)
{
	return d->timeout_ms;
}

void dns_stats_get(const struct dns *d, struct dns_stats *out)
{
	*out = d->stats;
}

/* --- hosts --- */

bool dns_hosts(struct dns *d, struct str name, struct dns_reply *out)
{
	AUTO(arena) mem = { arena_open(0) };
	char *text = arena_text(mem.p, FILE_MAX);
	struct str rest = str_of(text, read_small(d->hosts_path, text, FILE_MAX));
	*out = (struct dns_reply){ 0 };
	while (rest.len && out->count < DNS_ADDRESSES_MAX) {
		struct str line = str_cut(&rest, '\n');
		line = str_cut(&line, '#');
		union net_addr a;
		if (!net_addr_parse(word(&line), 1, &a))
			continue;
		for (struct str w = word(&line); w.len; w = word(&line)) {
			if (!str_eq_nocase(w, name))
				continue;
			net_addr_set_port(&a, 0);
			out->at[out->count++] = a;
			break;
		}
	}
	return out->count > 0;
}

/* --- asking --- */

static void close_socket(int *fd)
{
	fd_forget(*fd);
	close(*fd);
	*fd = -1;
}

static status open_socket(const union net_addr *to, int type, int *fd)
{
	*fd = socket(to->any.sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0)
		return err_errno("socket");
	if (!connect(*fd, &to->any, net_addr_len(to)) || errno == EINPROGRESS)
		return 0;
	err_errno("ask a name server");
	close_socket(fd);
	return -1;
}

static status send_question(struct lookup *l, int fd, struct question *q)
{
	uint8_t text[DNS_QUERY_MAX];
	id_random(&q->id, sizeof q->id);
	size_t n = dns_query_write(text, q->id, l->name, q->type);
	if (!n)
		return err_set(ERR_NOT_FOUND, "no such name");
	l->dns->stats.questions++;
	if (send(fd, text, n, MSG_NOSIGNAL) < 0 && errno != EAGAIN)
		return err_errno("ask a name server");
	return 0;
}

static status exact_io(int fd, uint8_t *at, size_t len, bool out, deadline until)
{
	while (len) {
		ssize_t n = out ? send(fd, at, len, MSG_NOSIGNAL) : recv(fd, at, len, 0);
		if (n > 0) {
			at += n;
			len -= (size_t)n;
			continue;
		}
		if (!n || (errno != EAGAIN && errno != EINTR && errno != ENOTCONN))
			return err_set(ERR_UPSTREAM, "the name server ended the connection");
		if (fd_wait(fd, out ? WAIT_WRITE : WAIT_READ, until))
			return -1;
	}
	return 0;
}

/* RFC 7766: the same question again, each message behind its length. */
static status ask_tcp(struct lookup *l, const union net_addr *server, struct question *q)
{
	uint8_t text[2 + DNS_QUERY_MAX], size[2];
	int fd = -1;
	id_random(&q->id, sizeof q->id);
	size_t n = dns_query_write(text + 2, q->id, l->name, q->type);
	text[0] = (uint8_t)(n >> 8);
	text[1] = (uint8_t)n;
	l->dns->stats.questions++;
	AUTO(arena) mem = { arena_open(0) };
	if (open_socket(server, SOCK_STREAM, &fd))
		return -1;
	status s = fd_wait(fd, WAIT_WRITE, l->until);
	if (!s)
		s = exact_io(fd, text, n + 2, true, l->until);
	if (!s)
		s = exact_io(fd, size, 2, false, l->until);
	size_t len = (size_t)size[0] << 8 | size[1];
	uint8_t *answer = s ? NULL : (uint8_t *)arena_text(mem.p, len + 1);
	if (!s)
		s = exact_io(fd, answer, len, false, l->until);
	close_socket(&fd);
	if (s)
		return -1;
	q->outcome = dns_reply_read(answer, len, q->id, l->name, q->type, &q->reply);
	q->done = true;
	return 0;
}

static void take_packet(struct lookup *l, const union net_addr *server, size_t len)
{
	for (size_t i = 0; i < countof(l->q); i++) {
		struct question *q = &l->q[i];
		if (q->done)
			continue;
		enum dns_outcome o = dns_reply_read(l->packet, len, q->id, l->name, q->type,
						    &q->reply);
		if (o == DNS_OTHER)
			continue;
		q->outcome = o;
		q->done = true;
		if (o == DNS_TRUNCATED && ask_tcp(l, server, q))
			q->outcome = DNS_FAILED;
		return;
	}
}

static bool settled(const struct question *q)
{
	return q->done && q->outcome != DNS_FAILED;
}

/* Sends what is not answered yet and reads until all is, or the time of this try is over. */
static status try_server(struct lookup *l, const union net_addr *server)
{
	int fd = -1;
	deadline until = MIN(l->until, rt_now() + TRY_MS * INT64_C(1000000));
	if (open_socket(server, SOCK_DGRAM, &fd))
		return -1;
	status s = 0;
	for (size_t i = 0; i < countof(l->q) && !s; i++) {
		if (settled(&l->q[i]))
			continue;
		l->q[i].done = false;
		s = send_question(l, fd, &l->q[i]);
	}
	while (!s && !(l->q[0].done && l->q[1].done)) {
		ssize_t n = recv(fd, l->packet, sizeof l->packet, 0);
		if (n >= 0) {
			take_packet(l, server, (size_t)n);
			/* With addresses in hand, a server that keeps silent about the other family
			 * does not hold anybody up for long. */
			for (size_t i = 0; i < countof(l->q); i++)
				if (settled(&l->q[i]) && l->q[i].reply.count)
					until = MIN(until, rt_now() + SECOND_MS * INT64_C(1000000));
		} else if (errno != EAGAIN && errno != EINTR) {
			s = err_errno("ask a name server"); /* nobody listens there */
		} else {
			s = fd_wait(fd, WAIT_READ, until);
		}
	}
	close_socket(&fd);
	return s;
}

static bool enough(const struct lookup *l)
{
	if (settled(&l->q[0]) && settled(&l->q[1]))
		return true;
	for (size_t i = 0; i < countof(l->q); i++)
		if (settled(&l->q[i]) && l->q[i].reply.count)
			return true;
	return false;
}

static status ask_servers(struct lookup *l)
{
	struct dns *d = l->dns;
	bool timed_out = false;
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < d->servers; i++) {
			if (try_server(l, &d->server[i])) {
				if (err_code() == ERR_CANCELLED)
					return -1;
				timed_out |= err_code() == ERR_TIMEOUT;
			}
			if (enough(l))
				return 0;
			if (rt_now() >= l->until)
				return err_set(ERR_TIMEOUT, "the name servers do not answer");
		}
	}
	if (settled(&l->q[0]) || settled(&l->q[1]))
		return 0;
	return timed_out ? err_set(ERR_TIMEOUT, "the name servers do not answer") :
			   err_set(ERR_UPSTREAM, "no name server could tell about the name");
}

/* One answer of both families; the longer alias chain tells where to ask on. */
static void join(const struct lookup *l, struct dns_reply *out, size_t from)
{
	uint32_t ttl = from || out->aliases ? out->ttl : UINT32_MAX;
	for (size_t i = 0; i < countof(l->q); i++) {
		const struct question *q = &l->q[i];
		const struct dns_reply *r = &q->reply;
		if (!settled(q) || (!r->count && !r->aliases))
			continue;
		ttl = MIN(ttl, r->ttl);
		/* Aliases of both families are kept: each may lead somewhere forbidden. */
		for (size_t k = 0; k < r->aliases && out->aliases < DNS_CHAIN_MAX; k++) {
			bool known = false;
			for (size_t m = from; m < out->aliases; m++)
				known |= !strcmp(out->alias[m], r->alias[k]);
			if (!known)
				memcpy(out->alias[out->aliases++], r->alias[k], DNS_NAME_MAX + 1);
		}
		for (size_t k = 0; k < r->count && out->count < DNS_ADDRESSES_MAX; k++)
			out->at[out->count++] = r->at[k];
	}
	out->ttl = ttl == UINT32_MAX ? 0 : ttl;
}

static status lookup_all(struct lookup *l, struct dns_reply *out)
{
	for (int hop = 0; hop <= DNS_CHAIN_MAX; hop++) {
		l->q[0] = (struct question){ .type = DNS_A };
		l->q[1] = (struct question){ .type = DNS_AAAA };
		if (ask_servers(l))
			return -1;
		size_t before = out->aliases;
		join(l, out, before);
		if (l->q[0].reply.count + l->q[1].reply.count > DNS_ADDRESSES_MAX)
			return err_set(ERR_UPSTREAM, "the name has more than %d addresses",
				       DNS_ADDRESSES_MAX);
		if (out->count)
			return 0;
		bool gone = l->q[0].outcome == DNS_NO_NAME || l->q[1].outcome == DNS_NO_NAME;
		if (gone || out->aliases == before)
			return err_set(ERR_NOT_FOUND, "the name does not exist or has no address");
		if (out->aliases == DNS_CHAIN_MAX)
			break;
		l->name = str_c(out->alias[out->aliases - 1]);
	}
	return err_set(ERR_UPSTREAM, "the name is an alias of an alias of more than %d",
		       DNS_CHAIN_MAX);
}

status dns_lookup(struct dns *d, struct str name, struct dns_reply *out)
{
	*out = (struct dns_reply){ 0 };
	read_conf(d, "/etc/resolv.conf");
	d->stats.lookups++;
	if (!d->servers)
		return err_set(ERR_UPSTREAM, "no name server is set");
	AUTO(arena) mem = { arena_open(0) };
	struct lookup *l = arena_new(mem.p, struct lookup);
	l->dns = d;
	l->name = name;
	l->until = MIN(rt_now() + d->timeout_ms * 1000000, deadline_current());
	status s = lookup_all(l, out);
	d->stats.timeouts += s && err_code() == ERR_TIMEOUT;
	d->stats.failures += s && err_code() == ERR_UPSTREAM;
	return s;
}
