/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_int: what client.c (the multi handles and their driver fiber) and transfer.c (one exchange)
 * share.
 */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "base/vec.h"
#include "net/client.h"
#include "net/guard.h"
#include "rt/rt.h"
#include <curl/curl.h>

enum {
	SPARE_MAX = 32,
	CONNECT_MS = 10000,
	CURL_BUFFER = 8 << 10,	   /* of a transfer that is read as a whole */
	CURL_BUFFER_OPEN = 1 << 10, /* of one that may stay open: ten thousand must stay cheap */
	PAUSE_AT = 32 << 10,	/* bytes that nobody has read yet stop a stream */
	UPLOAD_CAP = 16 << 10,
	HEADERS_MAX = 200,
};

/* Connections that passed the guard are never shared with requests that did not have to. */
enum { POOL_DIRECT, POOL_GUARDED, POOL_COUNT };

/*
 * curl looks at every connection to a host before it starts a transfer there. So a multi handle gets
 * a few hundred transfers at most, and more of them the next one: a lane.
 */
enum { LANE_TRANSFERS = 256, LANES_MAX = 128 };
struct lane {
	struct client *client;
	CURLM *multi;
	int pool;
	uint32_t index; /* in client->lanes */
	size_t running;
	deadline timer_at;
};

struct client {
	struct arena *mem;
	struct client_options o;
	struct lane *lanes[LANES_MAX];
	uint32_t lane_count;
	int epoll_fd, kick_fd;
	bool parked, dead;
	struct group *group;
	struct list transfers, resumed;
	size_t guarded_open; /* of limits.connections */
	struct event guarded_free;
	CURL *spare[SPARE_MAX];
	size_t spare_len;
};

struct client_stream {
	struct list node, resume_node;
	struct client *client;
	struct arena *mem;
	struct client_request *req; /* a copy; a redirect changes it */
	CURL *easy;
	struct lane *lane; /* NULL: curl does not work on it */
	struct curl_slist *lines, *resolve;
	struct event changed;
	bool head_done, done, paused, whole, denied, too_large, reading;
	bool has_place; /* among limits.connections */
	/* guarded exchanges: redirects are followed by us, so that each is judged */
	bool hop;	     /* this answer is a redirect that will be followed */
	int hops;
	size_t hop_bytes;    /* of its body, which nobody reads */
	struct str host;     /* what the guard judged, without brackets */
	struct guard *guard; /* who judges all of this exchange; NULL: nobody here */
	CURLcode code;
	struct client_response head;
	VEC(struct http_header) headers;
	bool has_location;
	deadline until;
	int64_t moved; /* rt_now of the last byte in either direction */
	int64_t began; /* of this try or hop */
	bool connected;
	uint64_t sent; /* of a body that is not streamed, as far as was seen */
	/* body that has come and was not read: heap, and none while empty */
	struct buf body;
	size_t body_at;
	struct buf lent; /* what client_stream_piece has given out */
	/* body to send, filled by the fiber that owns the exchange */
	char *upload;
	size_t upload_at, upload_len;
	bool upload_end, upload_wanted;
	struct err *why; /* of the guard or of body_read */
	char message[CURL_ERROR_SIZE];
};

/* client.c */
CURL *client_take_easy(struct client *);
void client_give_easy(struct client *, CURL *);
/* Gives the transfer to a lane with room, and takes it out again. */
status client_begin(struct client_stream *) NODISCARD;
void client_end(struct client_stream *);
/* Lets the driver fiber look again. */
void client_kick(struct client *);
/* guarded.c */
/* Parses the URL by the guard's parser, has it judged unless a proxy does that, and gives curl what
 * came out: the URL in its judged form and the addresses that were checked. May wait. */
status guarded_route(struct client_stream *) NODISCARD;
/* Turns the request into the one that the redirect in hand asks for. */
status guarded_hop(struct client_stream *) NODISCARD;
/* The proxy of this request, empty = direct. */
struct str guarded_proxy(const struct client_stream *);
/* Fails when the proxy's own refusal is the answer. */
status guarded_refused(const struct client_stream *) NODISCARD;

/* patience.c */
/* Fills in what the request does not say, and waits for a free connection. */
status patience_begin(struct client_stream *) NODISCARD;
void patience_end(struct client_stream *);
/* Waits for any news; fails at the deadline, without news for too long, or when cancelled. */
status patience_wait(struct client_stream *) NODISCARD;
/* transfer.c */
/* client_fetch; *sent: the server may have got some of the request. */
status client_fetch_once(struct client *, struct arena *, const struct client_request *, struct client_response **out, bool *sent) NODISCARD;

/* Unpauses from the driver, where callbacks may run. */
void client_resume(struct client_stream *);
