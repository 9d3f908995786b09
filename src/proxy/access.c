/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access: the codes of our answers, a line of JSON for each request, and the metrics. Query strings,
 * headers and bodies are not written. Lines are gathered and go out together; when nobody reads
 * them they are dropped, the proxy goes on.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "proxy/egress_int.h"

enum { LOG_FLUSH_AT = 3 << 10 /* a pipe takes 4 KiB in one piece */ };

static const struct {
	const char *name;
	int status;
} codes[EGRESS_CODE_COUNT] = {
	[GUARD_OK] = { "ok", 200 },
	[GUARD_BAD_TARGET] = { "bad_target", 400 },
	[GUARD_AMBIGUOUS_IP] = { "ambiguous_ip", 400 },
	[GUARD_DENIED_ADDRESS] = { "denied_address", 403 },
	[GUARD_DENIED_NAME] = { "denied_name", 403 },
	[GUARD_DENIED_PORT] = { "denied_port", 403 },
	[GUARD_DENIED_POLICY] = { "denied_policy", 403 },
	[GUARD_DENIED_METADATA] = { "denied_metadata", 403 },
	[GUARD_DNS_FAILED] = { "dns_failed", 502 },
	[GUARD_DNS_TIMEOUT] = { "dns_timeout", 504 },
	[EGRESS_BAD_REQUEST] = { "bad_request", 400 },
	[EGRESS_METHOD] = { "method_not_allowed", 405 },
	[EGRESS_AUTH] = { "proxy_authentication_required", 407 },
	[EGRESS_REQUEST_TIMEOUT] = { "request_timeout", 408 },
	[EGRESS_LENGTH_REQUIRED] = { "length_required", 411 },
	[EGRESS_BODY_TOO_LARGE] = { "body_too_large", 413 },
	[EGRESS_LINE_TOO_LONG] = { "line_too_long", 414 },
	[EGRESS_HEAD_TOO_LARGE] = { "head_too_large", 431 },
	[EGRESS_EXPECTATION] = { "expectation_failed", 417 },
	[EGRESS_LOOP] = { "loop_detected", 508 },
	[EGRESS_CONNECT_FAILED] = { "connect_failed", 502 },
	[EGRESS_PROTOCOL] = { "upstream_protocol", 502 },
	[EGRESS_PARENT] = { "parent_refused", 502 },
	[EGRESS_BUSY] = { "busy", 503 },
	[EGRESS_CONNECT_TIMEOUT] = { "connect_timeout", 504 },
	[EGRESS_UPSTREAM_TIMEOUT] = { "upstream_timeout", 504 },
};

const char *egress_code_name(unsigned code)
{
	return codes[code].name;
}

int egress_code_status(unsigned code)
{
	return codes[code].status;
}

/* --- the log --- */

static void text(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, ",\"%s\":", name);
	json_write_string(b, str_c(value), JSON_ASCII);
}

void egress_log_flush(struct egress *e)
{
	if (e->log.len)
		log_raw(buf_str(&e->log));
	buf_clear(&e->log);
}

static void millis(struct buf *b, const char *name, int64_t us)
{
	buf_printf(b, ",\"%s\":%lld.%03d", name, (long long)(us / 1000), (int)(us % 1000));
}

static const char *verdict_of(unsigned code)
{
	return code == GUARD_OK ? "allowed" : codes[code].status == 403 ? "denied" : "failed";
}

static void write_row(struct egress *e, const struct egress_row *r)
{
	struct buf *b = &e->log;
	AUTO(arena) mem = { arena_open(0) };
	struct str now = clock_iso(mem.p, clock_real_ms());
	buf_printf(b, "{\"time\":\"%.*s\",\"log\":\"access\"", STR(now));
	text(b, "client", r->client);
	text(b, "caller", r->caller);
	text(b, "method", r->method);
	text(b, "host", r->host);
	buf_printf(b, ",\"port\":%u", (unsigned)r->port);
	text(b, "address", r->address);
	text(b, "verdict", verdict_of(r->code));
	text(b, "code", codes[r->code].name);
	buf_printf(b, ",\"status\":%d,\"bytes_in\":%llu,\"bytes_out\":%llu", r->status,
		   (unsigned long long)r->in, (unsigned long long)r->out);
	millis(b, "dns_ms", r->dns_us);
	millis(b, "connect_ms", r->connect_us);
	millis(b, "total_ms", (rt_now() - r->began) / 1000);
	if (r->trace[0])
		text(b, "trace", r->trace);
	buf_puts(b, "}\n");
	if (b->len >= LOG_FLUSH_AT)
		egress_log_flush(e);
}

void egress_row_end(struct egress *e, struct egress_row *r)
{
	e->stats.codes[r->code]++;
	e->stats.bytes_in += r->in;
	e->stats.bytes_out += r->out;
	if (e->o.access_log)
		write_row(e, r);
}

/* --- metrics --- */

static const int64_t bucket_us[EGRESS_BUCKETS] = { 100,	  500,	  1000,	   5000,    10000,
						   50000, 100000, 500000, 1000000, 5000000 };

void egress_measure(struct egress_histogram *h, int64_t us)
{
	int i = 0;
	while (i < EGRESS_BUCKETS && us > bucket_us[i])
		i++;
	h->bucket[i]++;
	h->count++;
	h->sum_us += us;
}

static void histogram(struct buf *b, const char *name, const char *help,
		      const struct egress_histogram *h)
{
	uint64_t sum = 0;
	buf_printf(b, "# HELP tatara_egress_%s_seconds %s\n# TYPE tatara_egress_%s_seconds histogram\n",
		   name, help, name);
	for (int i = 0; i <= EGRESS_BUCKETS; i++) {
		sum += h->bucket[i];
		if (i < EGRESS_BUCKETS)
			buf_printf(b, "tatara_egress_%s_seconds_bucket{le=\"%g\"} %llu\n", name,
				   (double)bucket_us[i] / 1e6, (unsigned long long)sum);
		else
			buf_printf(b, "tatara_egress_%s_seconds_bucket{le=\"+Inf\"} %llu\n", name,
				   (unsigned long long)sum);
	}
	buf_printf(b, "tatara_egress_%s_seconds_sum %g\ntatara_egress_%s_seconds_count %llu\n", name,
		   (double)h->sum_us / 1e6, name, (unsigned long long)h->count);
}

static void requests(struct buf *b, const struct egress_stats *s)
{
	buf_puts(b, "# HELP tatara_egress_requests_total Requests by what became of them.\n"
		    "# TYPE tatara_egress_requests_total counter\n");
	for (unsigned i = 0; i < EGRESS_CODE_COUNT; i++)
		buf_printf(b, "tatara_egress_requests_total{verdict=\"%s\",code=\"%s\"} %llu\n",
			   verdict_of(i), codes[i].name, (unsigned long long)s->codes[i]);
}

void egress_metrics(struct egress *e, struct buf *b)
{
	const struct egress_stats *s = &e->stats;
	struct guard_cache_stats c;
	guard_cache_stats_get(e->o.cache, &c);
	const struct {
		const char *name, *type, *help;
		uint64_t value;
	} rows[] = {
		{ "connections", "gauge", "Clients and tunnels open.", e->connections },
		{ "tunnels", "gauge", "Tunnels open.", e->tunnel_count },
		{ "tunnels_total", "counter", "Tunnels opened.", s->tunnels_total },
		{ "accepted_total", "counter", "Connections taken.", s->accepted },
		{ "strangers_total", "counter", "Connections of no client of ours.", s->strangers },
		{ "busy_total", "counter", "Connections past a limit.", s->busy },
		{ "received_bytes_total", "counter", "Bytes of bodies to servers.", s->bytes_in },
		{ "sent_bytes_total", "counter", "Bytes of bodies to clients.", s->bytes_out },
		{ "smuggling_total", "counter", "Requests of broken framing.", s->smuggling },
		{ "host_mismatch_total", "counter", "Host fields that were replaced.", s->host_mismatch },
		{ "metadata_headers_total", "counter", "Metadata headers taken out.", s->metadata_headers },
		{ "hello_refused_total", "counter", "Tunnels whose hello named another server.",
		  s->hello_refused },
		{ "upstream_opened_total", "counter", "Connections to servers.", s->opened },
		{ "upstream_reused_total", "counter", "Requests on a kept one.", s->reused },
		{ "upstream_kept", "gauge", "Connections that are kept.", e->kept_count },
		{ "dns_cache_hits_total", "counter", "Names found in the cache.", c.hits },
		{ "dns_cache_misses_total", "counter", "Names looked up.", c.misses },
		{ "dns_questions_total", "counter", "Questions to name servers.", c.questions },
		{ "dns_failures_total", "counter", "Look-ups that failed.", c.failures + c.timeouts },
	};
	requests(b, s);
	for (size_t i = 0; i < countof(rows); i++)
		buf_printf(b, "# HELP tatara_egress_%s %s\n# TYPE tatara_egress_%s %s\ntatara_egress_%s %llu\n",
			   rows[i].name, rows[i].help, rows[i].name, rows[i].type, rows[i].name,
			   (unsigned long long)rows[i].value);
	histogram(b, "dns", "Time to resolve, cache included.", &s->dns);
	histogram(b, "connect", "Time to connect.", &s->connect);
}
