/* SPDX-License-Identifier: Apache-2.0 */
/* addr: see the header. */
#include "net/addr.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

bool net_port_parse(struct str s, uint16_t *out)
{
	uint32_t n = 0;
	if (!s.len || s.len > 5 || s.at[0] == '0')
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return false;
		n = n * 10 + (uint32_t)(s.at[i] - '0');
	}
	if (n > 65535)
		return false;
	*out = (uint16_t)n;
	return true;
}

bool net_addr_v4(struct str s, uint16_t port, union net_addr *out)
{
	unsigned char a[4];
	for (int i = 0; i < 4; i++) {
		size_t dot = i < 3 ? str_find_char(s, '.') : s.len;
		struct str part = str_sub(s, 0, dot);
		unsigned n = 0;
		if (dot == SIZE_MAX || !part.len || part.len > 3 || (part.len > 1 && part.at[0] == '0'))
			return false;
		for (size_t k = 0; k < part.len; k++) {
			if (part.at[k] < '0' || part.at[k] > '9')
				return false;
			n = n * 10 + (unsigned)(part.at[k] - '0');
		}
		if (n > 255)
			return false;
		a[i] = (unsigned char)n;
		s = str_skip(s, dot + 1);
	}
	*out = (union net_addr){ .v4 = { .sin_family = AF_INET, .sin_port = htons(port) } };
	memcpy(&out->v4.sin_addr, a, 4);
	return true;
}

bool net_addr_v6(struct str s, uint16_t port, union net_addr *out)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr a;
	if (!s.len || s.len >= sizeof text || memchr(s.at, 0, s.len))
		return false;
	memcpy(text, s.at, s.len);
	text[s.len] = 0;
	if (inet_pton(AF_INET6, text, &a) != 1)
		return false;
	*out = (union net_addr){ .v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port),
					 .sin6_addr = a } };
	return true;
}

bool net_addr_parse(struct str s, uint16_t port, union net_addr *out)
{
	if (s.len > 2 && s.at[0] == '[' && s.at[s.len - 1] == ']')
		return net_addr_v6(str_sub(s, 1, s.len - 2), port, out);
	return net_addr_v4(s, port, out) || net_addr_v6(s, port, out);
}

bool net_addr_parse_port(struct str s, uint16_t port, union net_addr *out)
{
	size_t colon = str_rfind_char(s, ':');
	bool v6 = s.len && s.at[0] == '[';
	size_t end = v6 ? str_find_char(s, ']') : 0;
	if (v6 && end == SIZE_MAX)
		return false;
	bool with_port = v6 ? end + 1 < s.len : colon != SIZE_MAX && str_find_char(s, ':') == colon;
	if (with_port) {
		if ((v6 && colon != end + 1) || !net_port_parse(str_skip(s, colon + 1), &port))
			return false;
		s = str_sub(s, 0, colon);
	}
	return port && net_addr_parse(s, port, out);
}

socklen_t net_addr_len(const union net_addr *a)
{
	return a->any.sa_family == AF_INET6 ? sizeof a->v6 : sizeof a->v4;
}

uint16_t net_addr_port(const union net_addr *a)
{
	return ntohs(a->any.sa_family == AF_INET6 ? a->v6.sin6_port : a->v4.sin_port);
}

void net_addr_set_port(union net_addr *a, uint16_t port)
{
	if (a->any.sa_family == AF_INET6)
		a->v6.sin6_port = htons(port);
	else
		a->v4.sin_port = htons(port);
}

bool net_addr_equal(const union net_addr *a, const union net_addr *b)
{
	unsigned char x[16], y[16];
	return a->any.sa_family == b->any.sa_family && net_addr_bytes(&a->any, x) &&
	       net_addr_bytes(&b->any, y) && !memcmp(x, y, 16) &&
	       net_addr_port(a) == net_addr_port(b);
}

bool net_addr_bytes(const struct sockaddr *sa, unsigned char out[16])
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	if (sa->sa_family == AF_INET) {
		memcpy(out, mapped, 12);
		memcpy(out + 12, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
		return true;
	}
	if (sa->sa_family == AF_INET6) {
		memcpy(out, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
		return true;
	}
	return false;
}

const char *net_addr_text(const union net_addr *a, char out[NET_ADDR_TEXT])
{
	const void *bytes = a->any.sa_family == AF_INET6 ? (const void *)&a->v6.sin6_addr
							 : (const void *)&a->v4.sin_addr;
	if ((a->any.sa_family != AF_INET && a->any.sa_family != AF_INET6) ||
	    !inet_ntop(a->any.sa_family, bytes, out, NET_ADDR_TEXT))
		snprintf(out, NET_ADDR_TEXT, "?");
	return out;
}

const char *net_addr_text_port(const union net_addr *a, char out[NET_ADDR_TEXT])
{
	char host[NET_ADDR_TEXT];
	bool v6 = a->any.sa_family == AF_INET6;
	net_addr_text(a, host);
	snprintf(out, NET_ADDR_TEXT, "%s%.46s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "",
		 (unsigned)net_addr_port(a));
	return out;
}
