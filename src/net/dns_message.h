/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns_message: questions and answers of RFC 1035 as pure functions over bytes. Answers come from
 * whoever feels like sending them: lengths, pointers and owners are checked, names are taken only
 * when they could stand in a URL.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"
#include "net/addr.h"

enum {
	DNS_NAME_MAX = 253,
	DNS_CHAIN_MAX = 8,	/* aliases that are followed */
	DNS_ADDRESSES_MAX = 32, /* more than that is no answer: all must be judged */
	DNS_QUERY_MAX = 512,
};
enum dns_type { DNS_A = 1, DNS_AAAA = 28 };

/* A question of one name; its length, 0 when the name does not fit. */
size_t dns_query_write(uint8_t out[DNS_QUERY_MAX], uint16_t id, struct str name, enum dns_type);

enum dns_outcome {
	DNS_OK,	       /* addresses, or an alias that leads further, or neither: no such record */
	DNS_NO_NAME,   /* the name does not exist */
	DNS_FAILED,    /* the server could not or would not tell, or what it says makes no sense */
	DNS_TRUNCATED, /* ask again over TCP */
	DNS_OTHER,     /* not the answer to this question: keep waiting */
};
struct dns_reply {
	union net_addr at[DNS_ADDRESSES_MAX]; /* without port */
	size_t count;
	char alias[DNS_CHAIN_MAX][DNS_NAME_MAX + 1]; /* lower case, in order */
	size_t aliases;
	uint32_t ttl; /* the shortest; 0 without any record */
};
enum dns_outcome dns_reply_read(const uint8_t *at, size_t len, uint16_t id, struct str name, enum dns_type, struct dns_reply *out);
