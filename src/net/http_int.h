/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_int: what the files of the HTTP server share. Nobody outside them includes it.
 *
 *   acceptor fiber (a listening socket) -> keep fiber -> connection fiber, in a group of its own
 *   watch fiber: one epoll set with every connection; a reset peer cancels that group
 *   tick fiber:  pings of quiet event streams, answers held back for pipelined requests
 *   keep fiber:  opens the groups of new connections, joins and frees those of ended ones
 *
 * One fiber for all of them instead of one a connection: ten thousand parked streams cost one
 * stack each, not three.
 */
#pragma once
#include "base/list.h"
#include "net/http.h"
#include "net/http_parse.h"
#include "base/arena.h"
#include "base/vec.h"
#include <sys/uio.h>

enum {
	IN_CAP = 16 << 10,	/* read buffer; a longer head gets one of header_limit */
	OUT_CAP = 16 << 10,	/* write buffer */
	POOL_MAX = 64,		/* spare buffers and arenas kept by the server */
	PEER_MAX = 56,
	INLINE_BODY_MAX = 8 << 10, /* bodies up to this are copied behind their head */
	DRAIN_BODY_MAX = 64 << 10, /* unread body that is skipped to keep the connection */
};

enum conn_state { CONN_IDLE, CONN_HEAD, CONN_HANDLER, CONN_ENDING };
enum body_kind { BODY_NONE, BODY_LENGTH, BODY_CHUNKED };

/* The part of a connection that belongs to one exchange; zeroed for each. */
struct exchange {
	struct http *q;
	VEC(struct http_header) added;
	/* request body */
	enum body_kind body;
	uint64_t body_left, body_got;
	struct http_chunks chunks;
	bool body_done, send_continue;
	/* answer */
	bool http10, keep_alive;
	bool started, streaming, ended, no_body, sse;
	bool chunk_open;
	size_t chunk_at;       /* of the size digits in `out` */
	uint64_t bytes_in;
	int64_t began;
};

struct http_conn {
	struct list node;      /* server->conns, then server->dead */
	struct list sse_node;  /* server->streams */
	struct list held_node; /* server->held */
	struct http_server *server;
	struct group *group;
	int fd;
	enum conn_state state;
	bool gone;	       /* nothing can be sent any more */
	bool half;	       /* the client has ended its side; it may still read */
	bool linger;	       /* unread input may be under way: end gently */
	bool sending;	       /* a fiber is inside http_conn_send */
	char *in;	       /* NULL while nothing is buffered */
	size_t in_at, in_end, in_cap;
	char *out;	       /* NULL while nothing is buffered */
	size_t out_at, out_len;
	struct lock writing;   /* one writer at a time; handlers may write from several fibers */
	int64_t last_write;    /* rt_now of the last byte sent to a stream */
	int64_t ping_ns;
	struct arena *mem;     /* of the exchange */
	struct exchange x;
	char peer[PEER_MAX];
};

/* Spare blocks of one size, newest first. */
struct pool {
	void *at[POOL_MAX];
	size_t len;
};

struct http_server {
	struct http_options o;
	struct group *group;
	struct list fresh, conns, dead, streams, held;
	struct event keep, tick, empty;
	struct pool ins, outs, arenas;
	int64_t ping_next;     /* when the first stream may need a ping */
	int watch_fd;
	int *listen_fds;
	size_t listen_count;
	struct group *acceptors;
	bool draining;
	struct http_stats stats;
	uint64_t id_next;
	char id_prefix[17];
	int64_t date_second;
	char date[48];	       /* "Date: ...\r\n" */
	size_t date_len;
};

/* http_server.c */
char *pool_block(struct pool *, size_t size);
void pool_give(struct pool *, char *block);
void http_conn_count_down(struct http_conn *);

/* http_conn.c: the connection's fiber */
status http_conn_main(void *conn);
/* Reads what has come into the buffer: bytes, 0 at the end of the stream, -1 on failure. Waits. */
status http_conn_fill(struct http_conn *, int64_t timeout_ms, size_t *n);
void http_conn_drop_input(struct http_conn *); /* gives the buffer back when it is empty */

/* http_body.c */
/* Skips what the handler left of the body; false when the connection cannot be kept. */
bool http_body_skip(struct http_conn *);

/* http_reply.c */
/* Sends what is buffered, waiting as needed. */
status http_conn_flush(struct http_conn *);
/* The same without waiting; true when nothing is left. */
bool http_conn_try_flush(struct http_conn *);
status http_conn_send(struct http_conn *, struct iovec *, size_t n);
/* A plain answer outside of any handler, with Connection: close. */
void http_conn_refuse(struct http_conn *, int code);
/* The JSON answer for the current error record. */
status http_reply_error(struct http *);
/* Sends an event-stream ping now when nothing else is being written. */
void http_conn_ping(struct http_conn *);
const char *http_reason(int code);
