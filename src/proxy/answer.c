/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer: answers of our own. They are marked (X-Proxy-Error, and the Via that callers of the proxy
 * that is replaced look for), tell what would allow the request, and never what a name resolved to
 * or whether anybody is there.
 */
#include "base/err.h"
#include "base/json.h"
#include "proxy/egress_int.h"
#include <stdio.h>

enum { SEND_MS = 10000 };

static const struct {
	unsigned code;
	const char *text; /* %s: host, then what would allow it */
} texts[] = {
	{ GUARD_BAD_TARGET, "The proxy takes http://HOST/PATH and CONNECT HOST:PORT, without user name." },
	{ GUARD_AMBIGUOUS_IP, "Write an IPv4 address as four decimal numbers without leading zeros." },
	{ GUARD_DNS_FAILED, "The name cannot be resolved." },
	{ GUARD_DNS_TIMEOUT, "Resolving the name took too long." },
	{ EGRESS_BAD_REQUEST, "This is no HTTP/1.1 request, or one of ambiguous framing." },
	{ EGRESS_METHOD, "The proxy passes GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS and CONNECT." },
	{ EGRESS_AUTH, "This proxy needs a user name and a password." },
	{ EGRESS_REQUEST_TIMEOUT, "The request did not come in time." },
	{ EGRESS_LENGTH_REQUIRED, "A body needs Content-Length or chunks." },
	{ EGRESS_BODY_TOO_LARGE, "The request's body is larger than allowed." },
	{ EGRESS_LINE_TOO_LONG, "The request line is longer than allowed." },
	{ EGRESS_HEAD_TOO_LARGE, "The headers are larger, or more, than allowed." },
	{ EGRESS_EXPECTATION, "Only the expectation 100-continue is known." },
	{ EGRESS_LOOP, "The request has passed this proxy before." },
	{ EGRESS_CONNECT_FAILED, "The server cannot be reached." },
	{ EGRESS_PROTOCOL, "The server's answer is no HTTP/1.1 answer." },
	{ EGRESS_PARENT, "The parent proxy (SSRF_PROXY_UPSTREAM) refuses: its user name and password, and what "
			 "it allows, are its administrator's." },
	{ EGRESS_BUSY, "The proxy has too many connections." },
	{ EGRESS_CONNECT_TIMEOUT, "The server cannot be reached in time." },
	{ EGRESS_UPSTREAM_TIMEOUT, "The server did not answer in time." },
};

static struct str message(struct arena *mem, const struct egress_request *q, unsigned code)
{
	for (size_t i = 0; i < countof(texts); i++)
		if (texts[i].code == code)
			return str_c(texts[i].text);
	struct str allow = q->decision.remedy[0] ?
				   arena_printf(mem, " An administrator can allow it with %s.",
						q->decision.remedy) :
				   S("");
	return arena_printf(mem, "Requests to %s are refused by the outgoing policy (%s).%.*s",
			    q->target.name, egress_code_name(code), STR(allow));
}

static struct str body(struct arena *mem, const struct egress_request *q, unsigned code)
{
	struct buf b = buf_make(mem, 4096);
	buf_printf(&b, "{\"error\":{\"code\":\"%s\",\"message\":", egress_code_name(code));
	json_write_string(&b, message(mem, q, code), JSON_ASCII);
	buf_puts(&b, "}}\n");
	return buf_str(&b);
}

static const char *reason(int code)
{
	switch (code) {
	case 403:
		return "Forbidden";
	case 407:
		return "Proxy Authentication Required";
	case 502:
		return "Bad Gateway";
	case 503:
		return "Service Unavailable";
	case 504:
		return "Gateway Timeout";
	default:
		return code < 500 ? "Bad Request" : "Failed";
	}
}

status egress_refuse(struct egress_conn *c, struct egress_request *q, unsigned code, bool keep)
{
	int status_code = egress_code_status(code);
	c->row.code = code;
	c->row.status = status_code;
	keep = keep && q->keep;
	q->keep = keep;
	q->answered = true;
	struct str text = body(c->mem, q, code);
	struct buf b = buf_make(c->mem, 8192);
	buf_printf(&b, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
		       "X-Proxy-Error: %s\r\nVia: 1.1 ssrf-proxy (squid)\r\nCache-Control: no-store\r\n%s%s\r\n",
		   status_code, reason(status_code), text.len, egress_code_name(code),
		   code == EGRESS_AUTH ? "Proxy-Authenticate: Basic realm=\"ssrf-proxy\"\r\n" : "",
		   keep ? "" : "Connection: close\r\n");
	bool head_only = str_eq(q->h.method_text, S("HEAD"));
	if (!head_only) {
		buf_put(&b, text);
		c->row.out = text.len;
	}
	return egress_send_str(c->fd, buf_str(&b), SEND_MS);
}
