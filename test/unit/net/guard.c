/* SPDX-License-Identifier: Apache-2.0 */
/* The decisions of the guard without a network: targets, names, ports, answers of the resolver. The
 * rows are those of the proxy's bypass table; test/e2e/test_ssrf_proxy.py sends them over the wire. */
#include "cmocka_all.h"
#include "base/arena.h"
#include "base/err.h"
#include "net/dns_message.h"
#include "net/guard.h"
#include "net/guard_list.h"
#include <stdio.h>
#include <string.h>

/* --- targets --- */

static const struct {
	const char *text;
	enum target_fault want;
	const char *name; /* when it is one */
	unsigned port;
} absolutes[] = {
	{ "http://example.com/", TARGET_OK, "example.com", 80 },
	{ "HTTP://EXAMPLE.Com:8080/x?y", TARGET_OK, "example.com", 8080 },
	{ "http://example.com", TARGET_OK, "example.com", 80 },
	{ "http://example.com?q", TARGET_OK, "example.com", 80 },
	{ "http://example.com./", TARGET_OK, "example.com", 80 },
	{ "http://a_b-c.example/", TARGET_OK, "a_b-c.example", 80 },
	{ "http://127.0.0.1:81/", TARGET_OK, "127.0.0.1", 81 },
	{ "http://[::1]:81/", TARGET_OK, "::1", 81 },
	{ "http://[0:0:0:0:0:0:0:1]/", TARGET_OK, "::1", 80 },
	{ "http://[::ffff:7f00:1]/", TARGET_OK, "::ffff:127.0.0.1", 80 },
	{ "http://2130706433/", TARGET_AMBIGUOUS, NULL, 0 },
	{ "http://0x7f000001/", TARGET_AMBIGUOUS, NULL, 0 },
	{ "http://0X7F000001/", TARGET_AMBIGUOUS, NULL, 0 },
	{ "http://017700000001/", TARGET_AMBIGUOUS, NULL, 0 },
	{ "http://0x7f.1/", TARGET_AMBIGUOUS, NULL, 0 },
	{ "http://127.1/", TARGET_AMBIGUOUS, NULL, 0 },
	{ "http://127.0.1/", TARGET_AMBIGUOUS, NULL, 0 },
	{ "http://0/", TARGET_AMBIGUOUS, NULL, 0 },
	{ "http://0177.0.0.1/", TARGET_AMBIGUOUS, NULL, 0 },
	{ "http://00000000000000000000177.0.0.1/", TARGET_AMBIGUOUS, NULL, 0 },
	{ "http://0x7f.0x0.0x0.0x1/", TARGET_AMBIGUOUS, NULL, 0 },
	{ "http://127.65535/", TARGET_AMBIGUOUS, NULL, 0 },
	{ "http://4294967297/", TARGET_AMBIGUOUS, NULL, 0 },
	{ "http://0x/", TARGET_AMBIGUOUS, NULL, 0 },
	{ "http://1.2.3.4.:80/", TARGET_AMBIGUOUS, NULL, 0 },
	{ "http://-1/", TARGET_OK, "-1", 80 }, /* a name of one label to every reader */
	{ "http://127.0.0.1%20/", TARGET_BAD, NULL, 0 },
	{ "http://127.0.0.1\t/", TARGET_BAD, NULL, 0 },
	{ "http://[::ffff:127.0.0.01]/", TARGET_BAD, NULL, 0 },
	{ "http://[::ffff:0x7f.1]/", TARGET_BAD, NULL, 0 },
	{ "http://[::1%]/", TARGET_BAD, NULL, 0 },
	{ "http://[fe80::1%1]:80/", TARGET_BAD, NULL, 0 },
	{ "http://[v1.fe80::a]/", TARGET_BAD, NULL, 0 },
	{ "http://[]/", TARGET_BAD, NULL, 0 },
	{ "http://[::1]]/", TARGET_BAD, NULL, 0 },
	{ "http://[[::1]]/", TARGET_BAD, NULL, 0 },
	{ "http://[1:2:3:4:5:6:7:8:9]/", TARGET_BAD, NULL, 0 },
	{ "http://@/", TARGET_BAD, NULL, 0 },
	{ "http://@example.com/", TARGET_BAD, NULL, 0 },
	{ "http://:@example.com/", TARGET_BAD, NULL, 0 },
	{ "http://example.com:80@127.0.0.1/", TARGET_BAD, NULL, 0 },
	{ "http://example.com:80#@127.0.0.1:80/", TARGET_BAD, NULL, 0 },
	{ "http:/127.0.0.1/", TARGET_BAD, NULL, 0 },
	{ "http:\\\\127.0.0.1/", TARGET_BAD, NULL, 0 },
	{ "http:127.0.0.1/", TARGET_BAD, NULL, 0 },
	{ "//127.0.0.1/", TARGET_BAD, NULL, 0 },
	{ "http://a:99999999999/", TARGET_BAD, NULL, 0 },
	{ "http://a: 80/", TARGET_BAD, NULL, 0 },
	{ "http://a:8e1/", TARGET_BAD, NULL, 0 },
	{ "http://0x7f.0.0.1/", TARGET_AMBIGUOUS, NULL, 0 },
	{ "http://127.0.0.0x1/", TARGET_AMBIGUOUS, NULL, 0 },
	{ "http://1.2.3.4.5/", TARGET_AMBIGUOUS, NULL, 0 },
	{ "http://256.1.1.1/", TARGET_AMBIGUOUS, NULL, 0 },
	{ "http://example.123/", TARGET_AMBIGUOUS, NULL, 0 },
	{ "http://0127.0.0.1/", TARGET_AMBIGUOUS, NULL, 0 },
	{ "http://127.000.000.001/", TARGET_AMBIGUOUS, NULL, 0 },
	{ "http://127.0.0.1./", TARGET_AMBIGUOUS, NULL, 0 },
	{ "http://127.0.0.1../", TARGET_BAD, NULL, 0 },
	{ "http://[fe80::1%25eth0]/", TARGET_BAD, NULL, 0 },
	{ "http://[fe80::1%eth0]/", TARGET_BAD, NULL, 0 },
	{ "http://example.com../", TARGET_BAD, NULL, 0 },
	{ "http://.example.com/", TARGET_BAD, NULL, 0 },
	{ "http://a..b/", TARGET_BAD, NULL, 0 },
	{ "http:///", TARGET_BAD, NULL, 0 },
	{ "http://./", TARGET_BAD, NULL, 0 },
	{ "http://example.com@127.0.0.1/", TARGET_BAD, NULL, 0 },
	{ "http://127.0.0.1@example.com/", TARGET_BAD, NULL, 0 },
	{ "http://a:b@c/", TARGET_BAD, NULL, 0 },
	{ "http://example.com#@127.0.0.1/", TARGET_BAD, NULL, 0 },
	{ "http://example.com/#x", TARGET_BAD, NULL, 0 },
	{ "http://127.0.0.1\\@example.com/", TARGET_BAD, NULL, 0 },
	{ "http://example.com%00.127.0.0.1/", TARGET_BAD, NULL, 0 },
	{ "http://%31%32%37.0.0.1/", TARGET_BAD, NULL, 0 },
	{ "http://exa mple.com/", TARGET_BAD, NULL, 0 },
	{ "http://example.com/a b", TARGET_BAD, NULL, 0 },
	{ "http://example.com/a\tb", TARGET_BAD, NULL, 0 },
	{ "http://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1/", TARGET_BAD, NULL, 0 },
	{ "http://\xe2\x93\x94xample.com/", TARGET_BAD, NULL, 0 },
	{ "http://127\xe3\x80\x82" "0.0.1/", TARGET_BAD, NULL, 0 },
	{ "http://[example.com]/", TARGET_BAD, NULL, 0 },
	{ "http://[127.0.0.1]/", TARGET_BAD, NULL, 0 },
	{ "http://[::1/", TARGET_BAD, NULL, 0 },
	{ "http://[::1]x/", TARGET_BAD, NULL, 0 },
	{ "http://::1/", TARGET_BAD, NULL, 0 },
	{ "http://a:0/", TARGET_BAD, NULL, 0 },
	{ "http://a:65536/", TARGET_BAD, NULL, 0 },
	{ "http://a:080/", TARGET_BAD, NULL, 0 },
	{ "http://a:+80/", TARGET_BAD, NULL, 0 },
	{ "http://a:/", TARGET_BAD, NULL, 0 },
	{ "http://a:80:80/", TARGET_BAD, NULL, 0 },
	{ "https://example.com/", TARGET_BAD, NULL, 0 },
	{ "ftp://example.com/", TARGET_BAD, NULL, 0 },
	{ "gopher://example.com/", TARGET_BAD, NULL, 0 },
	{ "file:///etc/passwd", TARGET_BAD, NULL, 0 },
	{ "cache_object://example.com/", TARGET_BAD, NULL, 0 },
	{ "/metrics", TARGET_BAD, NULL, 0 },
	{ "*", TARGET_BAD, NULL, 0 },
	{ "", TARGET_BAD, NULL, 0 },
};

static void absolute_targets(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(absolutes); i++) {
		static struct target t;
		struct str path;
		enum target_fault got = target_absolute(str_c(absolutes[i].text), &t, &path);
		if (got != absolutes[i].want ||
		    (!got && (strcmp(t.name, absolutes[i].name) || t.port != absolutes[i].port)))
			fail_msg("%s: got %d %s %u", absolutes[i].text, got, got ? "" : t.name,
				 got ? 0 : t.port);
	}
	static char long_name[300], label[80];
	memset(label, 'a', 64);
	label[64] = 0;
	snprintf(long_name, sizeof long_name, "http://%s.example/", label);
	static struct target t;
	struct str path;
	assert_int_equal(target_absolute(str_c(long_name), &t, &path), TARGET_BAD);
	memmove(long_name + 7, long_name + 8, strlen(long_name + 8) + 1); /* 63 */
	assert_int_equal(target_absolute(str_c(long_name), &t, &path), TARGET_OK);
	for (size_t n = TARGET_NAME_MAX; n < TARGET_NAME_MAX + 2; n++) { /* 253, 254 */
		static char name[300];
		memset(name, 'a', n);
		for (size_t i = 49; i < n; i += 50)
			name[i] = '.';
		assert_int_equal(target_host(str_of(name, n), 80, &t),
				 n == TARGET_NAME_MAX ? TARGET_OK : TARGET_BAD);
	}
}

static const struct {
	const char *text;
	enum target_fault want;
} authorities[] = {
	{ "example.com:443", TARGET_OK },	{ "[2606:4700::1111]:443", TARGET_OK },
	{ "example.com", TARGET_BAD },		{ "example.com:", TARGET_BAD },
	{ "example.com:0", TARGET_BAD },	{ "example.com:65536", TARGET_BAD },
	{ "example.com:+443", TARGET_BAD },	{ "example.com:0443", TARGET_BAD },
	{ "example.com:443 ", TARGET_BAD },	{ "http://x/", TARGET_BAD },
	{ "u@example.com:443", TARGET_BAD },	{ "127.1:443", TARGET_AMBIGUOUS },
	{ "::1:443", TARGET_BAD },		{ "[::1]443", TARGET_BAD },
	{ "example.com:443/", TARGET_BAD },	{ ":443", TARGET_BAD },
};

static void authorities_need_a_port(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(authorities); i++) {
		struct target t;
		enum target_fault got = target_authority(str_c(authorities[i].text), 0, &t);
		if (got != authorities[i].want)
			fail_msg("%s: got %d", authorities[i].text, got);
	}
}

/* --- decisions --- */

enum { HTTP, TLS };
static const struct guard_options plain = { .production = true };

/* `answer`: what the resolver says, addresses and aliases ("@name") separated by blanks. */
/* The record is the next call's too. */
static const struct dns_reply *reply_of(const char *answer)
{
	static struct dns_reply r;
	r = (struct dns_reply){ .ttl = 1 };
	struct str rest = str_c(answer);
	while (rest.len) {
		struct str item = str_cut(&rest, ' ');
		if (item.len && item.at[0] == '@')
			memcpy(r.alias[r.aliases++], item.at + 1, item.len - 1);
		else if (!net_addr_parse(item, 1, &r.at[r.count++]))
			fail_msg("bad test address %.*s", STR(item));
	}
	return &r;
}

static enum guard_code decide(const struct guard_options *o, const char *authority, int kind,
			      const char *answer, struct guard_decision *d)
{
	AUTO(guard) g = { NULL };
	struct target t;
	if (guard_open(o, &g.p))
		fail_msg("guard_open: %s", err_last()->text);
	enum target_fault fault = target_authority(str_c(authority), kind == TLS ? 443 : 80, &t);
	if (fault) {
		assert_int_equal(guard_refuse_target(fault, str_c(authority), d), -1);
		return d->code;
	}
	if (!guard_judge_name(g.p, &t, kind == TLS, d))
		return d->code;
	if (t.literal)
		return GUARD_OK;
	const struct dns_reply *r = reply_of(answer);
	bool ok = guard_judge_answer(g.p, &t, kind == TLS, r, d);
	assert_true(ok == (d->code == GUARD_OK));
	if (ok)
		assert_int_equal(d->count, r->count);
	else
		assert_int_equal(d->count, 0);
	return d->code;
}

#define PUBLIC "93.184.216.34"
static const struct {
	const char *authority;
	int kind;
	const char *answer;
	enum guard_code want;
} rows[] = {
	{ "example.com", HTTP, PUBLIC, GUARD_OK },
	{ "example.com", TLS, PUBLIC " 2606:4700::1111", GUARD_OK },
	{ PUBLIC, HTTP, "", GUARD_OK },
	{ "[2606:4700::1111]", TLS, "", GUARD_OK },
	/* 1 */
	{ "127.0.0.1", HTTP, "", GUARD_DENIED_ADDRESS },
	{ "10.0.0.1", HTTP, "", GUARD_DENIED_ADDRESS },
	{ "192.168.0.1:8080", HTTP, "", GUARD_DENIED_ADDRESS },
	{ "172.31.255.255", HTTP, "", GUARD_DENIED_ADDRESS },
	/* 2 and 3 are targets above; 4 */
	{ "0.0.0.0", HTTP, "", GUARD_DENIED_ADDRESS },
	{ "[::]", HTTP, "", GUARD_DENIED_ADDRESS },
	/* 5 */
	{ "[::1]", HTTP, "", GUARD_DENIED_ADDRESS },
	{ "[0:0:0:0:0:0:0:1]", HTTP, "", GUARD_DENIED_ADDRESS },
	{ "[::ffff:127.0.0.1]", HTTP, "", GUARD_DENIED_ADDRESS },
	{ "[::ffff:7f00:1]", HTTP, "", GUARD_DENIED_ADDRESS },
	{ "[::127.0.0.1]", HTTP, "", GUARD_DENIED_ADDRESS },
	{ "[::ffff:93.184.216.34]", HTTP, "", GUARD_DENIED_ADDRESS }, /* public, but never sent */
	/* 6 */
	{ "[64:ff9b::7f00:1]", HTTP, "", GUARD_DENIED_ADDRESS },
	{ "[64:ff9b::93.184.216.34]", HTTP, "", GUARD_DENIED_ADDRESS },
	{ "[64:ff9b:1::a9fe:a9fe]", HTTP, "", GUARD_DENIED_METADATA },
	{ "[2002:7f00:1::]", HTTP, "", GUARD_DENIED_ADDRESS },
	{ "[2001:0:808:808:0:0:80ff:fffe]", HTTP, "", GUARD_DENIED_ADDRESS },
	{ "[2606:4700::5efe:10.0.0.1]", HTTP, "", GUARD_DENIED_ADDRESS },
	{ "[::ffff:0:127.0.0.1]", HTTP, "", GUARD_DENIED_ADDRESS },
	/* 8 */
	{ "169.254.169.254", HTTP, "", GUARD_DENIED_METADATA },
	{ "169.254.170.2", HTTP, "", GUARD_DENIED_METADATA },
	{ "100.100.100.200", HTTP, "", GUARD_DENIED_METADATA },
	{ "168.63.129.16", HTTP, "", GUARD_DENIED_METADATA },
	{ "[fd00:ec2::254]", HTTP, "", GUARD_DENIED_METADATA },
	{ "metadata.google.internal", HTTP, "169.254.169.254", GUARD_DENIED_METADATA },
	{ "instance-data", HTTP, "169.254.169.254", GUARD_DENIED_METADATA },
	{ "[::ffff:169.254.169.254]", HTTP, "", GUARD_DENIED_METADATA },
	/* 9 */
	{ "localhost", HTTP, PUBLIC, GUARD_DENIED_NAME },
	{ "LOCALHOST", HTTP, PUBLIC, GUARD_DENIED_NAME },
	{ "localhost.", HTTP, PUBLIC, GUARD_DENIED_NAME },
	{ "foo.localhost", HTTP, PUBLIC, GUARD_DENIED_NAME },
	{ "redis", HTTP, PUBLIC, GUARD_DENIED_NAME },
	{ "db_postgres", HTTP, PUBLIC, GUARD_DENIED_NAME },
	{ "a.local", HTTP, PUBLIC, GUARD_DENIED_NAME },
	{ "a.internal", HTTP, PUBLIC, GUARD_DENIED_NAME },
	{ "a.home.arpa", HTTP, PUBLIC, GUARD_DENIED_NAME },
	{ "1.0.0.127.in-addr.arpa", HTTP, PUBLIC, GUARD_DENIED_NAME },
	{ "a.onion", HTTP, PUBLIC, GUARD_DENIED_NAME },
	{ "a.test", HTTP, PUBLIC, GUARD_DENIED_NAME },
	{ "notlocalhost.com", HTTP, PUBLIC, GUARD_OK },
	/* 10 to 14 are targets above; 15 */
	{ "127.0.0.1.nip.example.com", HTTP, "127.0.0.1", GUARD_DENIED_ADDRESS },
	/* 16 */
	{ "mixed.example.com", HTTP, PUBLIC " 10.0.0.1", GUARD_DENIED_ADDRESS },
	{ "mixed.example.com", HTTP, "10.0.0.1 " PUBLIC, GUARD_DENIED_ADDRESS },
	{ "mixed.example.com", HTTP, PUBLIC " fd00::1", GUARD_DENIED_ADDRESS },
	{ "mixed.example.com", HTTP, PUBLIC " 169.254.169.254", GUARD_DENIED_METADATA },
	/* 18 */
	{ "alias.example.com", HTTP, "@localhost 127.0.0.1", GUARD_DENIED_NAME },
	{ "alias.example.com", HTTP, "@localhost", GUARD_DENIED_NAME },
	{ "alias.example.com", HTTP, "@a.example.com @db.internal " PUBLIC, GUARD_DENIED_NAME },
	{ "alias.example.com", HTTP, "@metadata.google.internal " PUBLIC, GUARD_DENIED_METADATA },
	{ "alias.example.com", HTTP, "@a.example.com " PUBLIC, GUARD_OK },
	/* 19 */
	{ "mapped.example.com", HTTP, "::ffff:10.0.0.1", GUARD_DENIED_ADDRESS },
	{ "mapped.example.com", HTTP, "::ffff:93.184.216.34", GUARD_OK },
	/* 21 */
	{ "127.0.0.1:443", TLS, "", GUARD_DENIED_ADDRESS },
	{ "[::1]:443", TLS, "", GUARD_DENIED_ADDRESS },
	{ "localhost:443", TLS, "", GUARD_DENIED_NAME },
	/* 22 */
	{ "example.com:22", TLS, PUBLIC, GUARD_DENIED_PORT },
	{ "example.com:25", TLS, PUBLIC, GUARD_DENIED_PORT },
	{ "example.com:6379", TLS, PUBLIC, GUARD_DENIED_PORT },
	{ "example.com:3306", TLS, PUBLIC, GUARD_DENIED_PORT },
	{ "example.com:5950", TLS, PUBLIC, GUARD_DENIED_PORT },
	{ "example.com:80", TLS, PUBLIC, GUARD_DENIED_PORT },
	{ "example.com:8443", TLS, PUBLIC, GUARD_OK },
	{ "example.com:22", HTTP, PUBLIC, GUARD_DENIED_PORT },
	{ "example.com:9200", HTTP, PUBLIC, GUARD_DENIED_PORT },
	{ "example.com:8080", HTTP, PUBLIC, GUARD_OK },
	{ "example.com", HTTP, "224.0.0.1", GUARD_DENIED_ADDRESS },
	/* both ends of every range of IPv4, and what lies beside them */
	{ "0.255.255.255", HTTP, "", GUARD_DENIED_ADDRESS }, { "1.0.0.0", HTTP, "", GUARD_OK },
	{ "9.255.255.255", HTTP, "", GUARD_OK }, { "10.255.255.255", HTTP, "", GUARD_DENIED_ADDRESS },
	{ "11.0.0.0", HTTP, "", GUARD_OK }, { "100.63.255.255", HTTP, "", GUARD_OK },
	{ "100.64.0.0", HTTP, "", GUARD_DENIED_ADDRESS }, { "100.127.255.255", HTTP, "", GUARD_DENIED_ADDRESS },
	{ "100.128.0.0", HTTP, "", GUARD_OK }, { "126.255.255.255", HTTP, "", GUARD_OK },
	{ "127.255.255.255", HTTP, "", GUARD_DENIED_ADDRESS }, { "128.0.0.0", HTTP, "", GUARD_OK },
	{ "169.253.255.255", HTTP, "", GUARD_OK }, { "169.254.0.0", HTTP, "", GUARD_DENIED_ADDRESS },
	{ "169.254.169.253", HTTP, "", GUARD_DENIED_ADDRESS }, { "169.254.169.123", HTTP, "", GUARD_DENIED_ADDRESS },
	{ "169.255.0.0", HTTP, "", GUARD_OK }, { "172.15.255.255", HTTP, "", GUARD_OK },
	{ "172.16.0.0", HTTP, "", GUARD_DENIED_ADDRESS }, { "172.32.0.0", HTTP, "", GUARD_OK },
	{ "192.0.0.0", HTTP, "", GUARD_DENIED_ADDRESS }, { "192.0.1.0", HTTP, "", GUARD_OK },
	{ "192.0.2.255", HTTP, "", GUARD_DENIED_ADDRESS }, { "192.31.196.1", HTTP, "", GUARD_DENIED_ADDRESS },
	{ "192.52.193.1", HTTP, "", GUARD_DENIED_ADDRESS }, { "192.88.99.1", HTTP, "", GUARD_DENIED_ADDRESS },
	{ "192.167.255.255", HTTP, "", GUARD_OK }, { "192.168.255.255", HTTP, "", GUARD_DENIED_ADDRESS },
	{ "192.169.0.0", HTTP, "", GUARD_OK }, { "192.175.48.1", HTTP, "", GUARD_DENIED_ADDRESS },
	{ "198.17.255.255", HTTP, "", GUARD_OK }, { "198.18.0.0", HTTP, "", GUARD_DENIED_ADDRESS },
	{ "198.19.255.255", HTTP, "", GUARD_DENIED_ADDRESS }, { "198.20.0.0", HTTP, "", GUARD_OK },
	{ "198.51.100.1", HTTP, "", GUARD_DENIED_ADDRESS }, { "203.0.113.1", HTTP, "", GUARD_DENIED_ADDRESS },
	{ "223.255.255.255", HTTP, "", GUARD_OK }, { "239.255.255.255", HTTP, "", GUARD_DENIED_ADDRESS },
	{ "240.0.0.0", HTTP, "", GUARD_DENIED_ADDRESS }, { "255.255.255.255", HTTP, "", GUARD_DENIED_ADDRESS },
	/* and of IPv6 */
	{ "[1fff:ffff::1]", HTTP, "", GUARD_DENIED_ADDRESS }, { "[2000::1]", HTTP, "", GUARD_OK },
	{ "[2001:1ff::1]", HTTP, "", GUARD_DENIED_ADDRESS }, { "[2001:200::1]", HTTP, "", GUARD_OK },
	{ "[2001:db8::1]", HTTP, "", GUARD_DENIED_ADDRESS }, { "[2620:4f:8000::1]", HTTP, "", GUARD_DENIED_ADDRESS },
	{ "[3fff:fff::1]", HTTP, "", GUARD_DENIED_ADDRESS }, { "[3fff:1000::1]", HTTP, "", GUARD_OK },
	{ "[4000::1]", HTTP, "", GUARD_DENIED_ADDRESS }, { "[5f00::1]", HTTP, "", GUARD_DENIED_ADDRESS },
	{ "[100::1]", HTTP, "", GUARD_DENIED_ADDRESS }, { "[fc00::1]", HTTP, "", GUARD_DENIED_ADDRESS },
	{ "[fd00:ec2::23]", HTTP, "", GUARD_DENIED_METADATA }, { "[fd20:ce::254]", HTTP, "", GUARD_DENIED_METADATA },
	{ "[fe80::1]", HTTP, "", GUARD_DENIED_ADDRESS }, { "[fec0::1]", HTTP, "", GUARD_DENIED_ADDRESS },
	{ "[ff02::1]", HTTP, "", GUARD_DENIED_ADDRESS }, { "[2002:a9fe:a9fe::1]", HTTP, "", GUARD_DENIED_METADATA },
	{ "[::169.254.169.254]", HTTP, "", GUARD_DENIED_METADATA },
	{ "[2606:4700::200:5efe:169.254.169.254]", HTTP, "", GUARD_DENIED_METADATA },
	/* the same out of DNS, where no form of literal helps */
	{ "a.example.com", HTTP, "64:ff9b::7f00:1", GUARD_DENIED_ADDRESS },
	{ "a.example.com", HTTP, "2002:7f00:1::", GUARD_DENIED_ADDRESS },
	{ "a.example.com", HTTP, "::", GUARD_DENIED_ADDRESS }, { "a.example.com", HTTP, "0.0.0.0", GUARD_DENIED_ADDRESS },
	{ "a.example.com", HTTP, "255.255.255.255", GUARD_DENIED_ADDRESS },
	{ "a.example.com", HTTP, "fe80::1", GUARD_DENIED_ADDRESS },
	/* names that mean something inside, in every spelling that DNS takes for the same */
	{ "Metadata.Google.Internal.", HTTP, PUBLIC, GUARD_DENIED_METADATA },
	{ "localhost.localdomain", HTTP, PUBLIC, GUARD_DENIED_NAME },
	{ "xn--bcher-kva.example.com", HTTP, PUBLIC, GUARD_OK }, { "xn--bcher-kva", HTTP, PUBLIC, GUARD_DENIED_NAME },
};

static void bypasses_are_refused(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(rows); i++) {
		struct guard_decision d;
		enum guard_code got = decide(&plain, rows[i].authority, rows[i].kind, rows[i].answer, &d);
		if (got != rows[i].want)
			fail_msg("%s -> %s: got %s (%s), want %s", rows[i].authority, rows[i].answer,
				 guard_code_name(got), d.rule, guard_code_name(rows[i].want));
	}
}

static const struct {
	struct guard_options o;
	const char *authority;
	int kind;
	const char *answer;
	enum guard_code want;
} settings[] = {
	/* 8: lists as wide as they get */
	{ { .allow_addresses = S_INIT("0.0.0.0/1 128.0.0.0/1 8000::/1 ::/1") }, "169.254.169.254", HTTP, "",
	  GUARD_DENIED_METADATA },
	{ { .allow_domains = S_INIT("metadata.google.internal") }, "metadata.google.internal", HTTP,
	  "169.254.169.254", GUARD_DENIED_METADATA },
	{ { .allow_metadata = true }, "169.254.169.254", HTTP, "", GUARD_OK },
	{ { .allow_metadata = true }, "metadata.google.internal", HTTP, "169.254.169.254", GUARD_OK },
	{ { .allow_metadata = true }, "127.0.0.1", HTTP, "", GUARD_DENIED_ADDRESS },
	/* 37 */
	{ { .allow_addresses = S_INIT("10.1.2.3") }, "10.1.2.3", HTTP, "", GUARD_OK },
	{ { .allow_addresses = S_INIT("10.1.2.3") }, "10.1.2.4", HTTP, "", GUARD_DENIED_ADDRESS },
	{ { .allow_addresses = S_INIT("10.1.2.3") }, "169.254.169.254", HTTP, "", GUARD_DENIED_METADATA },
	{ { .allow_addresses = S_INIT("10.1.2.3") }, "a.example.com", HTTP, "10.1.2.3", GUARD_OK },
	{ { .allow_addresses = S_INIT("10.1.2.3") }, "a.example.com", HTTP, "10.1.2.3 10.1.2.4",
	  GUARD_DENIED_ADDRESS },
	/* 38 */
	{ { .allow_domains = S_INIT("paper-parser") }, "paper-parser", HTTP, "172.18.0.5", GUARD_OK },
	{ { .allow_domains = S_INIT("paper-parser") }, "paper-parser:8000", HTTP, "172.18.0.5", GUARD_OK },
	{ { .allow_domains = S_INIT("paper-parser") }, "paper-parser", HTTP, "169.254.169.254",
	  GUARD_DENIED_METADATA },
	{ { .allow_domains = S_INIT("paper-parser") }, "paper-parser", HTTP, "127.0.0.1",
	  GUARD_DENIED_ADDRESS },
	{ { .allow_domains = S_INIT("paper-parser") }, "other", HTTP, "172.18.0.5", GUARD_DENIED_NAME },
	{ { .allow_domains = S_INIT(".corp.example.com") }, "a.corp.example.com", TLS, "10.0.0.9", GUARD_OK },
	{ { .allow_domains = S_INIT(".corp.example.com") }, "b.example.com", TLS, "10.0.0.9",
	  GUARD_DENIED_ADDRESS },
	/* an alias of a listed name needs no listing of its own */
	{ { .allow_domains = S_INIT("a.example.com") }, "a.example.com", HTTP, "@redis 10.0.0.9", GUARD_OK },
	/* ports: the deny list gives way to an allow list, the base list does not */
	{ { .allow_domains = S_INIT("search") }, "search:9200", HTTP, "10.0.0.9", GUARD_OK },
	{ { .allow_domains = S_INIT("search") }, "search:22", HTTP, "10.0.0.9", GUARD_DENIED_PORT },
	{ { .allow_addresses = S_INIT("10.0.0.9") }, "10.0.0.9:9200", HTTP, "", GUARD_OK },
	{ { .allow_addresses = S_INIT("10.0.0.9") }, "a.example.com:9200", HTTP, "10.0.0.9", GUARD_OK },
	{ { .allow_addresses = S_INIT("10.0.0.9") }, "a.example.com:9200", HTTP, PUBLIC, GUARD_DENIED_PORT },
	{ { .ports = S_INIT("81") }, "example.com:81", HTTP, PUBLIC, GUARD_OK },
	{ { .ports = S_INIT("81") }, "example.com", HTTP, PUBLIC, GUARD_DENIED_PORT },
	{ { .connect_ports = S_INIT("22-23") }, "example.com:22", TLS, PUBLIC, GUARD_OK },
	{ { .deny_ports = S_INIT("") }, "example.com:6379", HTTP, PUBLIC, GUARD_OK },
	/* only and never */
	{ { .only_domains = S_INIT("a.example.com .b.example.com " PUBLIC) }, "a.example.com", TLS, PUBLIC,
	  GUARD_OK },
	{ { .only_domains = S_INIT("a.example.com .b.example.com " PUBLIC) }, "x.b.example.com", TLS, PUBLIC,
	  GUARD_OK },
	{ { .only_domains = S_INIT("a.example.com .b.example.com " PUBLIC) }, PUBLIC, TLS, "", GUARD_OK },
	{ { .only_domains = S_INIT("a.example.com") }, "c.example.com", TLS, PUBLIC, GUARD_DENIED_POLICY },
	{ { .only_domains = S_INIT("a.example.com") }, PUBLIC, TLS, "", GUARD_DENIED_POLICY },
	{ { .only_domains = S_INIT("a.example.com") }, "a.example.com", TLS, "10.0.0.1",
	  GUARD_DENIED_ADDRESS },
	{ { .deny_domains = S_INIT(".example.com") }, "a.example.com", TLS, PUBLIC, GUARD_DENIED_POLICY },
	{ { .deny_domains = S_INIT("a.example.com"), .allow_domains = S_INIT("a.example.com") },
	  "a.example.com", TLS, PUBLIC, GUARD_DENIED_POLICY },
	{ { .deny_domains = S_INIT("bad.example.com"), .allow_domains = S_INIT("a.example.com") },
	  "a.example.com", TLS, "@bad.example.com " PUBLIC, GUARD_DENIED_POLICY },
	{ { .deny_addresses = S_INIT("93.184.216.0/24") }, "a.example.com", TLS, PUBLIC,
	  GUARD_DENIED_POLICY },
	{ { .deny_addresses = S_INIT("10.0.0.0/8"), .allow_addresses = S_INIT("10.1.2.3") }, "10.1.2.3", HTTP,
	  "", GUARD_DENIED_POLICY },
	{ { .own_names = S_INIT("db.abc.rds.amazonaws.com") }, "db.abc.rds.amazonaws.com:8000", TLS, PUBLIC,
	  GUARD_DENIED_NAME },
	{ { .nat64 = true }, "a.example.com", TLS, "64:ff9b::93.184.216.34", GUARD_OK },
	{ { .nat64 = true }, "a.example.com", TLS, "64:ff9b::10.0.0.1", GUARD_DENIED_ADDRESS },
	{ { .nat64 = true }, "a.example.com", TLS, "64:ff9b::169.254.169.254", GUARD_DENIED_METADATA },
	{ { .nat64 = true, .allow_addresses = S_INIT("10.0.0.1") }, "a.example.com", TLS, "64:ff9b::10.0.0.1",
	  GUARD_OK },
	{ { .nat64 = true, .deny_addresses = S_INIT(PUBLIC) }, "a.example.com", TLS, "64:ff9b::" PUBLIC,
	  GUARD_DENIED_POLICY },
	{ { .nat64 = false, .allow_addresses = S_INIT("10.0.0.1") }, "a.example.com", TLS,
	  "64:ff9b::10.0.0.1", GUARD_DENIED_ADDRESS },
	/* An allowed IPv4 address opens no IPv6 address that bears it somewhere: the last half is free
	 * to choose for whoever writes it. A denied one closes them all. */
	{ { .allow_addresses = S_INIT("10.1.2.3") }, "a.example.com", HTTP, "fd00::5efe:10.1.2.3",
	  GUARD_DENIED_ADDRESS },
	{ { .allow_addresses = S_INIT("10.1.2.3") }, "a.example.com", HTTP, "fe80::200:5efe:10.1.2.3",
	  GUARD_DENIED_ADDRESS },
	{ { .allow_addresses = S_INIT("10.1.2.3") }, "a.example.com", HTTP, "2002:a01:203::1",
	  GUARD_DENIED_ADDRESS },
	{ { .allow_addresses = S_INIT("10.1.2.3") }, "a.example.com", HTTP, "::10.1.2.3", GUARD_DENIED_ADDRESS },
	{ { .allow_addresses = S_INIT("10.1.2.3") }, "a.example.com", HTTP, "::ffff:0:10.1.2.3",
	  GUARD_DENIED_ADDRESS },
	{ { .allow_addresses = S_INIT("10.1.2.3") }, "a.example.com", HTTP, "::ffff:10.1.2.3", GUARD_OK },
	{ { .deny_addresses = S_INIT(PUBLIC) }, "a.example.com", HTTP, "2606:4700::5efe:" PUBLIC,
	  GUARD_DENIED_POLICY },
	{ { .deny_addresses = S_INIT(PUBLIC) }, "a.example.com", HTTP, "::ffff:" PUBLIC, GUARD_DENIED_POLICY },
	/* what is denied stays denied where metadata is allowed */
	{ { .allow_metadata = true, .deny_addresses = S_INIT("169.254.0.0/16") }, "169.254.169.254", HTTP, "",
	  GUARD_DENIED_POLICY },
	/* a translator's own prefix, with all the lengths of RFC 6052 */
	{ { .allow_addresses = S_INIT("64:ff9b:1::/48") }, "[64:ff9b:1:a9fe:a9:fe00::]", HTTP, "",
	  GUARD_DENIED_METADATA },
	{ { .allow_addresses = S_INIT("64:ff9b:1::/48") }, "[64:ff9b:1:a9:fe:a9fe::]", HTTP, "",
	  GUARD_DENIED_METADATA },
	{ { .allow_addresses = S_INIT("64:ff9b:1::/48") }, "[64:ff9b:1:0:a9:fea9:fe00:0]", HTTP, "",
	  GUARD_DENIED_METADATA },
	{ { .allow_addresses = S_INIT("64:ff9b:1::/48") }, "[64:ff9b:1::a9fe:a9fe]", HTTP, "",
	  GUARD_DENIED_METADATA },
	{ { .allow_addresses = S_INIT("64:ff9b:1::/48") }, "[64:ff9b:1::1]", HTTP, "", GUARD_OK },
	{ { .production = false }, "a.test", HTTP, PUBLIC, GUARD_OK },
	{ { .allow_addresses = S_INIT("::/1") }, "10.1.2.3", HTTP, "", GUARD_DENIED_ADDRESS },
	{ { .allow_addresses = S_INIT("fd00::/8") }, "[fd00::1]", HTTP, "", GUARD_OK },
	{ { .everything = true }, "127.0.0.1:22", HTTP, "", GUARD_OK },
	{ { .everything = true }, "redis:6379", HTTP, "10.0.0.1", GUARD_OK },
	{ { .everything = true }, "127.1", HTTP, "", GUARD_AMBIGUOUS_IP },
};

static void settings_decide(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(settings); i++) {
		struct guard_decision d;
		enum guard_code got = decide(&settings[i].o, settings[i].authority, settings[i].kind,
					     settings[i].answer, &d);
		if (got != settings[i].want)
			fail_msg("row %zu: %s -> %s: got %s (%s), want %s", i, settings[i].authority,
				 settings[i].answer, guard_code_name(got), d.rule,
				 guard_code_name(settings[i].want));
	}
}

static void lists_that_allow_take_addresses_as_they_are(void **unused)
{
	(void)unused;
	static const struct {
		const char *address;
		bool address_in, inside;
	} cases[] = {
		{ "10.1.2.3", true, true },		  { "::ffff:10.1.2.3", true, true },
		{ "11.1.2.3", false, false },		  { "2606:4700::5efe:10.1.2.3", false, true },
		{ "2606:4700::200:5efe:10.1.2.3", false, true }, { "2002:a01:203::1", false, true },
		{ "64:ff9b::10.1.2.3", false, true },	  { "::10.1.2.3", false, true },
		{ "fd00::1", false, false },
	};
	AUTO(arena) mem = { arena_open(0) };
	struct guard_list l = { 0 };
	assert_int_equal(guard_list_add(mem.p, "T", S("10.0.0.0/8"), &l), 0);
	for (size_t i = 0; i < countof(cases); i++) {
		union net_addr a;
		unsigned char bytes[16];
		assert_true(net_addr_parse(str_c(cases[i].address), 1, &a) && net_addr_bytes(&a.any, bytes));
		if (guard_list_address(&l, bytes) != cases[i].address_in ||
		    guard_list_inside(&l, bytes) != cases[i].inside)
			fail_msg("%s", cases[i].address);
	}
}

/* What users read tells neither what a name resolved to nor what lies behind an alias. */
static void remedies_tell_no_address(void **unused)
{
	(void)unused;
	static const struct {
		const char *authority, *answer, *want;
	} cases[] = {
		{ "a.example.com", "10.1.2.3", "SSRF_PROXY_ALLOW_PRIVATE_DOMAINS=a.example.com" },
		{ "a.example.com", "127.0.0.1", "SSRF_PROXY_ALLOW_PRIVATE_IPS=its address" },
		{ "10.1.2.3", "", "SSRF_PROXY_ALLOW_PRIVATE_IPS=10.1.2.3" },
		{ "redis", "", "SSRF_PROXY_ALLOW_PRIVATE_DOMAINS=redis" },
		{ "a.example.com", "@db.internal 10.1.2.3", "" },
		{ "169.254.169.254", "", "SSRF_PROXY_ALLOW_METADATA=true" },
		{ "a.example.com:22", "", "SSRF_PROXY_PORTS with 22 in it" },
		{ "a.example.com:6379", "", "SSRF_PROXY_ALLOW_PRIVATE_DOMAINS=a.example.com" },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct guard_decision d;
		decide(&plain, cases[i].authority, HTTP, cases[i].answer, &d);
		if (strcmp(d.remedy, cases[i].want))
			fail_msg("%s: got %s", cases[i].authority, d.remedy);
	}
}

static void broken_settings_stop_the_start(void **unused)
{
	(void)unused;
	static const struct guard_options bad[] = {
		{ .allow_addresses = S_INIT("10.0.0.0/0") }, { .allow_addresses = S_INIT("10.0.0.1/") },
		{ .deny_addresses = S_INIT("10.0.0.300") },  { .allow_domains = S_INIT("a b@c") },
		{ .only_domains = S_INIT("http://a.b/") },   { .ports = S_INIT("80-") },
		{ .ports = S_INIT("0") },		     { .connect_ports = S_INIT("90-80") },
		{ .deny_ports = S_INIT("65536") },	     { .deny_domains = S_INIT("*") },
	};
	for (size_t i = 0; i < countof(bad); i++) {
		struct guard *g;
		if (!guard_open(&bad[i], &g))
			fail_msg("row %zu opens", i);
		assert_int_equal(err_code(), ERR_INVALID);
	}
	struct guard_cache *c;
	static const char *const servers[] = { "1.1.1.1:0", "one.one", "1.1.1.1:53:53", "[::1" };
	for (size_t i = 0; i < countof(servers); i++)
		assert_int_equal(guard_cache_open(&(struct guard_cache_options){
							  .servers = str_c(servers[i]) }, &c), -1);
}

/* --- answers of name servers --- */

static size_t put_name(uint8_t *at, const char *name)
{
	size_t n = 0;
	struct str rest = str_c(name);
	while (rest.len) {
		struct str label = str_cut(&rest, '.');
		at[n++] = (uint8_t)label.len;
		memcpy(at + n, label.at, label.len);
		n += label.len;
	}
	at[n++] = 0;
	return n;
}

/* "A name 1.2.3.4", "C name target"; the question is that of `name`, id 7. */
static size_t make_answer(uint8_t *at, const char *name, int rcode, const char *const *records,
			  size_t count)
{
	size_t n = 12;
	memset(at, 0, 12);
	at[1] = 7;
	at[2] = 0x81;
	at[3] = (uint8_t)(0x80 | rcode);
	at[5] = 1;
	at[7] = (uint8_t)count;
	n += put_name(at + n, name);
	memcpy(at + n, "\0\1\0\1", 4);
	n += 4;
	for (size_t i = 0; i < count; i++) {
		char type, owner[64], data[64];
		sscanf(records[i], "%c %63s %63s", &type, owner, data);
		n += put_name(at + n, owner);
		memcpy(at + n, type == 'A' ? "\0\1\0\1\0\0\0\36" : "\0\5\0\1\0\0\0\12", 8);
		size_t len_at = n + 8;
		n += 10;
		union net_addr a;
		size_t len = 4;
		if (type == 'A' && net_addr_v4(str_c(data), 1, &a))
			memcpy(at + n, &a.v4.sin_addr, 4);
		else
			len = put_name(at + n, data);
		at[len_at] = 0;
		at[len_at + 1] = (uint8_t)len;
		n += len;
	}
	return n;
}

static void answers_are_read(void **unused)
{
	(void)unused;
	static const struct {
		const char *records[12];
		int rcode;
		enum dns_outcome want;
		size_t addresses, aliases;
	} cases[] = {
		{ { "A a.b 1.2.3.4" }, 0, DNS_OK, 1, 0 },
		{ { "A A.B 1.2.3.4", "A a.b 1.2.3.5" }, 0, DNS_OK, 2, 0 },
		{ { "A x.b 1.2.3.4" }, 0, DNS_OK, 0, 0 }, /* somebody else's */
		{ { "C a.b c.d", "A c.d 1.2.3.4" }, 0, DNS_OK, 1, 1 },
		{ { "A c.d 1.2.3.4", "C a.b c.d" }, 0, DNS_OK, 1, 1 }, /* in any order */
		{ { "C a.b c.d" }, 0, DNS_OK, 0, 1 },
		{ { "C a.b a.b" }, 0, DNS_FAILED, 0, 0 },
		{ { "C a.b c.d", "C c.d a.b" }, 0, DNS_FAILED, 0, 0 },
		{ { "C a.b c.d", "A a.b 1.2.3.4" }, 0, DNS_FAILED, 0, 0 },
		{ { "C a.b c1", "C c1 c2", "C c2 c3", "C c3 c4", "C c4 c5", "C c5 c6", "C c6 c7", "C c7 c8",
		    "A c8 1.1.1.1" }, 0, DNS_OK, 1, 8 },
		{ { "C a.b c1", "C c1 c2", "C c2 c3", "C c3 c4", "C c4 c5", "C c5 c6", "C c6 c7", "C c7 c8",
		    "C c8 c9", "A c9 1.1.1.1" }, 0, DNS_FAILED, 0, 0 },
		{ { NULL }, 3, DNS_NO_NAME, 0, 0 },
		{ { NULL }, 2, DNS_FAILED, 0, 0 },
		{ { NULL }, 5, DNS_FAILED, 0, 0 },
		{ { NULL }, 0, DNS_OK, 0, 0 },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		static uint8_t text[2048];
		size_t count = 0;
		while (count < 12 && cases[i].records[count])
			count++;
		size_t n = make_answer(text, "a.b", cases[i].rcode, cases[i].records, count);
		static struct dns_reply r;
		enum dns_outcome got = dns_reply_read(text, n, 7, S("a.b"), DNS_A, &r);
		if (got != cases[i].want || (got == DNS_OK && (r.count != cases[i].addresses ||
							       r.aliases != cases[i].aliases)))
			fail_msg("case %zu: got %d, %zu addresses, %zu aliases", i, got, r.count, r.aliases);
		/* Cut anywhere it must not be taken for whole. */
		for (size_t cut = 0; cut < n; cut++) {
			got = dns_reply_read(text, cut, 7, S("a.b"), DNS_A, &r);
			if (count && cases[i].want == DNS_OK && got == DNS_OK)
				fail_msg("case %zu cut at %zu of %zu is taken", i, cut, n);
		}
		/* Of another question, another id, or no answer at all. */
		assert_int_equal(dns_reply_read(text, n, 8, S("a.b"), DNS_A, &r), DNS_OTHER);
		assert_int_equal(dns_reply_read(text, n, 7, S("a.c"), DNS_A, &r), DNS_OTHER);
		assert_int_equal(dns_reply_read(text, n, 7, S("a.b"), DNS_AAAA, &r), DNS_OTHER);
		text[2] = 0x01;
		assert_int_equal(dns_reply_read(text, n, 7, S("a.b"), DNS_A, &r), DNS_OTHER);
	}
}

static void questions_are_written(void **unused)
{
	(void)unused;
	uint8_t text[DNS_QUERY_MAX];
	static const uint8_t want[] = "\0\7\1\0\0\1\0\0\0\0\0\0\1a\2bc\0\0\34\0\1";
	assert_int_equal(dns_query_write(text, 7, S("a.bc"), DNS_AAAA), sizeof want - 1);
	assert_memory_equal(text, want, sizeof want - 1);
	assert_int_equal(dns_query_write(text, 7, S(""), DNS_A), 0);
	assert_int_equal(dns_query_write(text, 7, S("a..b"), DNS_A), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(absolute_targets),
		cmocka_unit_test(authorities_need_a_port),
		cmocka_unit_test(bypasses_are_refused),
		cmocka_unit_test(settings_decide),
		cmocka_unit_test(lists_that_allow_take_addresses_as_they_are),
		cmocka_unit_test(remedies_tell_no_address),
		cmocka_unit_test(broken_settings_stop_the_start),
		cmocka_unit_test(answers_are_read),
		cmocka_unit_test(questions_are_written),
	};
	return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
