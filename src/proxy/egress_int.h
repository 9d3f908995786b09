/* SPDX-License-Identifier: Apache-2.0 */
/*
 * egress_int: what the files of the proxy share.
 *
 *   accept fiber (a door) --> client fiber: read head, judge, forward, again      client.c
 *                                |  plain HTTP                                   forward.c, heads.c
 *                                |     \-- connections to servers, kept           upstream.c
 *                                \-- CONNECT: both sockets go to the tunnels,
 *                                    and the fiber ends                           tunnel.c
 *   tunnel fiber: one epoll set with both ends of all tunnels: an idle tunnel costs a record
 *   tick fiber:   kept connections and tunnels that are too old, the access log
 */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "base/vec.h"
#include "net/guard.h"
#include "net/guard_list.h"
#include "net/http.h"
#include "net/http_parse.h"
#include "proxy/egress.h"
#include <sys/uio.h>

enum {
	EGRESS_IN = 16 << 10,	  /* first read buffer of a side; a longer head gets limits.head */
	EGRESS_BLOCK = 64 << 10, /* body buffer */
	EGRESS_SPARE = 32,	  /* spare blocks that are kept */
	EGRESS_CALLER_MAX = 64,
	EGRESS_METHOD_MAX = 16,
	EGRESS_TRACE_MAX = 64,
	EGRESS_ID = 16,
};

/* Every code of an answer of ours; those of the guard come first, under its numbers. */
enum egress_code {
	EGRESS_BAD_REQUEST = GUARD_CODE_COUNT,
	EGRESS_METHOD,
	EGRESS_AUTH,
	EGRESS_REQUEST_TIMEOUT,
	EGRESS_LENGTH_REQUIRED,
	EGRESS_BODY_TOO_LARGE,
	EGRESS_LINE_TOO_LONG,
	EGRESS_HEAD_TOO_LARGE,
	EGRESS_EXPECTATION,
	EGRESS_LOOP,
	EGRESS_CONNECT_FAILED,
	EGRESS_PROTOCOL,
	EGRESS_PARENT,
	EGRESS_BUSY,
	EGRESS_CONNECT_TIMEOUT,
	EGRESS_UPSTREAM_TIMEOUT,
	EGRESS_CODE_COUNT
};

/* A line of the access log, filled while the request goes on. */
struct egress_row {
	int64_t began; /* rt_now */
	char client[NET_ADDR_TEXT], caller[EGRESS_CALLER_MAX], method[EGRESS_METHOD_MAX];
	char host[TARGET_NAME_MAX + 1], address[NET_ADDR_TEXT], trace[EGRESS_TRACE_MAX];
	uint16_t port;
	unsigned code; /* enum guard_code or egress_code */
	int status;
	uint64_t in, out; /* bytes to the server and to the client, without heads */
	int64_t dns_us, connect_us;
	bool cached;
};

enum { EGRESS_BUCKETS = 10 };
struct egress_histogram {
	uint64_t bucket[EGRESS_BUCKETS + 1], count;
	int64_t sum_us;
};
struct egress_stats {
	uint64_t codes[EGRESS_CODE_COUNT], bytes_in, bytes_out, tunnels_total, accepted, strangers;
	uint64_t busy, smuggling, host_mismatch, metadata_headers, opened, reused, hello_refused;
	struct egress_histogram dns, connect;
};

/* How many connections one address has. */
struct egress_peer {
	size_t count;
	char text[NET_ADDR_TEXT];
};

/* Who may sign in; pair is "user:password". */
struct egress_user {
	struct str name, pair;
};

struct egress_door {
	struct list node;
	struct egress *e;
	int fd;
	const char *caller;
	struct guard *guard;   /* NULL: a relay to the place below */
	struct target relay;
	struct group *group;
};

struct egress {
	struct arena *mem;
	struct egress_options o;
	struct guard_list clients;
	VEC(struct egress_user) users;
	bool has_upstream;
	struct target upstream;
	struct str upstream_auth; /* value of Proxy-Authorization; "" = none */
	char id[EGRESS_ID + 1];	  /* our own name in Via */
	struct group *group, *clients_group;
	struct list doors, conns;
	struct map peers;
	size_t connections; /* clients and tunnels */
	bool draining;
	struct event empty;
	struct egress_stats stats;
	/* spare blocks, newest first */
	char *small[EGRESS_SPARE], *large[EGRESS_SPARE];
	size_t small_len, large_len;
	/* upstream.c */
	struct map kept;
	struct list kept_order;
	size_t kept_count;
	/* tunnel.c */
	int tunnel_fd, kick_fd;
	char *copy; /* of one turn; empty between two */
	struct list tunnels, tunnels_idle, tunnels_hot;
	size_t tunnel_count;
	/* access.c */
	struct buf log;
};

/* Input of one side: bytes at..end of a block; no block while nothing is there. */
struct egress_in {
	char *block;
	size_t at, end, cap;
};

struct egress_conn {
	struct list node;
	struct egress *e;
	const struct egress_door *door;
	int fd;
	union net_addr address;
	struct egress_peer *peer; /* NULL for unix sockets */
	bool idle;		  /* between two requests */
	struct egress_in in;
	struct arena *mem;	  /* of the request */
	int64_t born;
	struct egress_row row;
};

/* A connection to a server. */
struct egress_up {
	int fd;
	bool reused, keep;
	struct egress_in in;
	union net_addr address;
};

/* One request. */
struct egress_request {
	struct http_head h;
	struct http_header *fields;
	struct target target;
	struct str path; /* of the target, "/..." */
	struct guard_decision decision;
	bool keep;	      /* the client's connection */
	bool body_touched;    /* bytes of the body were taken off the client */
	bool answered;	      /* the client has got a byte */
};

/* The head of a server's answer. */
struct egress_answer {
	struct http_answer h;
	struct http_header *fields;
	bool chunked; /* towards the client */
};

/* client.c */
status egress_accept(struct egress_door *) NODISCARD;
char *egress_block(struct egress *, bool large);
void egress_block_give(struct egress *, char *, bool large);
/* Room behind what is buffered; grows to `max`. */
void egress_in_room(struct egress *, struct egress_in *, size_t max);
void egress_in_free(struct egress *, struct egress_in *);
/* One recv: bytes, *n = 0 at the end. Waits until the time given; with `watch` (>= 0) also fails
 * with ERR_CANCELLED when that other socket has ended. */
status egress_fill(struct egress *, int fd, struct egress_in *, size_t max, deadline, int watch, size_t *n) NODISCARD;
/* All bytes; waits at most `ms` for each bit of progress. */
status egress_send(int fd, struct iovec *, size_t n, int64_t ms) NODISCARD;
status egress_send_str(int fd, struct str, int64_t ms) NODISCARD;
void egress_fd_close(int *fd);
/* One connection or tunnel less. */
void egress_count_down(struct egress *, struct egress_peer *);

/* heads.c: no socket is touched there */
unsigned egress_head_code(int http_status);
/* Parses a whole head of `lines` lines; slices point into the text. GUARD_OK or the code that refuses. */
unsigned egress_head_read(const struct egress *, struct arena *, struct str text, size_t lines, struct egress_request *);
/* Everything that can be said of it without asking anybody: fills target and path. GUARD_OK or a code. */
unsigned egress_head_judge(const struct egress *, struct egress_request *);
/* Value of the first such field, "" = none. */
struct str egress_field(const struct egress_request *, struct str name);
bool egress_host_agrees(const struct egress_request *);
/* Our heads for the server (counts what is taken out) and for the client. */
struct str egress_request_head(struct egress *, struct arena *, const struct egress_request *);
struct str egress_answer_head(const struct egress *, struct arena *, const struct egress_request *, const struct egress_answer *);
/* Bytes of body that follow it: -1 = chunked, -2 = until the end. */
int64_t egress_answer_body(const struct egress_request *, const struct http_answer *);
/* The fields that a parent proxy gets. */
void egress_put_parent(const struct egress *, struct buf *);

/* access.c */
const char *egress_code_name(unsigned code);
int egress_code_status(unsigned code);
/* Counts the request and writes its line. */
void egress_row_end(struct egress *, struct egress_row *);
void egress_log_flush(struct egress *);
void egress_measure(struct egress_histogram *, int64_t us);

/* answer.c: an answer of our own; keep: the connection may go on. */
status egress_refuse(struct egress_conn *, struct egress_request *, unsigned code, bool keep) NODISCARD;

/* upstream.c */
/* A kept connection to the same address and name, or a new one, as the decision allows. */
status egress_up_open(struct egress *, const struct guard_decision *, const struct target *, bool fresh, struct egress_row *, struct egress_up *out) NODISCARD;
/* Keeps it when it may be used again. */
void egress_up_close(struct egress *, struct egress_up *, const struct target *);
void egress_up_reap(struct egress *, bool all);
/* Connects to one of the list, the first that answers; the address that it is. */
status egress_dial(const union net_addr *, size_t n, int64_t ms, int *fd, union net_addr *out) NODISCARD;
/* A place that a setting names: resolved without a judgement. */
status egress_dial_setting(struct egress *, const struct target *, int *fd) NODISCARD;

/* forward.c */
status egress_forward(struct egress_conn *, struct egress_request *) NODISCARD;

/* tunnel.c */
/* Answers the CONNECT and gives both sockets to the tunnels: c->fd is -1 then. */
status egress_connect(struct egress_conn *, struct egress_request *) NODISCARD;
status egress_tunnels_open(struct egress *) NODISCARD;
void egress_tunnels_close(struct egress *);
void egress_tunnels_reap(struct egress *);
/* Both descriptors are the tunnel's; first: bytes for the server; row may be NULL (no log). */
status egress_tunnel_add(struct egress *, int client, int server, struct str first, const struct egress_row *, struct egress_peer *) NODISCARD;

/* hello.c */
enum egress_hello { HELLO_MORE, HELLO_NONE, HELLO_FOUND };
/* The server name of a TLS ClientHello at the start of the bytes. NONE: no ClientHello, or none
 * with a name. */
enum egress_hello egress_hello_name(const uint8_t *at, size_t len, struct str *name);
