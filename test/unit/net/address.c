/* SPDX-License-Identifier: Apache-2.0 */
/* URLs, queries, and which addresses the guard lets through. */
#include "base/arena.h"
#include "base/err.h"
#include "net/guard.h"
#include "net/url.h"
#include "test/unit/net/cmocka_all.h"
#include <arpa/inet.h>
#include <netinet/in.h>

static const struct {
	const char *in;
	status want;
	const char *host;
	uint16_t port;
	const char *path, *user;
} urls[] = {
	{ "http://a.example/x", 0, "a.example", 80, "/x", "" },
	{ "https://a.example", 0, "a.example", 443, "/", "" },
	{ "HTTPS://A.example:8443/x?y=1#z", 0, "A.example", 8443, "/x?y=1", "" },
	{ "http://[::1]:8080/", 0, "::1", 8080, "/", "" },
	{ "http://[2001:db8::1]", 0, "2001:db8::1", 80, "/", "" },
	{ "http://u:p@h/", 0, "h", 80, "/", "u:p" },
	{ "http://h?x", 0, "h", 80, "?x", "" },
	{ "http://h:/", 0, "h", 80, "/", "" },
	{ "http://a_b.c/", 0, "a_b.c", 80, "/", "" },
	{ "http://h.:80/", 0, "h.", 80, "/", "" },
	{ "ftp://h/", -1, "", 0, "", "" },
	{ "file:///etc/passwd", -1, "", 0, "", "" },
	{ "gopher://h", -1, "", 0, "", "" },
	{ "//h/", -1, "", 0, "", "" },
	{ "http:/h/", -1, "", 0, "", "" },
	{ "http://", -1, "", 0, "", "" },
	{ "http:///x", -1, "", 0, "", "" },
	{ "http://:80/", -1, "", 0, "", "" },
	{ "http://h:65536/", -1, "", 0, "", "" },
	{ "http://h:0/", -1, "", 0, "", "" },
	{ "http://h:-1/", -1, "", 0, "", "" },
	{ "http://h:8 0/", -1, "", 0, "", "" },
	{ "http://h:80:90/", -1, "", 0, "", "" },
	{ "http://h h/", -1, "", 0, "", "" },
	{ "http://h\\@evil/", -1, "", 0, "", "" },
	{ "http://a@b@c/", -1, "", 0, "", "" },
	{ "http://[::1/", -1, "", 0, "", "" },
	{ "http://[::g]/", -1, "", 0, "", "" },
	{ "http://[::1]x/", -1, "", 0, "", "" },
	{ "http://h/\r\nX: y", -1, "", 0, "", "" },
	{ "http://.h/", -1, "", 0, "", "" },
	{ "http://a..b/", -1, "", 0, "", "" },
	{ "http://a%2fb/", -1, "", 0, "", "" },
	{ " http://h/", -1, "", 0, "", "" },
	{ "", -1, "", 0, "", "" },
};

static void urls_are_parsed(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(urls); i++) {
		struct url u = { 0 };
		if (url_parse(str_c(urls[i].in), &u) != urls[i].want)
			fail_msg("%s", urls[i].in);
		if (urls[i].want)
			continue;
		assert_true(str_eq(u.host, str_c(urls[i].host)));
		assert_int_equal(u.port, urls[i].port);
		assert_true(str_eq(u.path, str_c(urls[i].path)));
		assert_true(str_eq(u.user, str_c(urls[i].user)));
		assert_int_equal(u.tls, (urls[i].in[4] | 32) == 's');
	}
}

static const struct {
	const char *query, *name, *want; /* NULL = absent */
} queries[] = {
	{ "a=1&b=2", "b", "2" },      { "a=1&a=2", "a", "1" },	    { "a", "a", "" },
	{ "a=", "a", "" },	      { "a=b=c", "a", "b=c" },	    { "a=x+y%20z", "a", "x y z" },
	{ "%61=1", "a", "1" },	      { "a%5Bb%5D=1", "a[b]", "1" }, { "a=%", "a", "%" },
	{ "a=%zz%4", "a", "%zz%4" },  { "a=%00b", "a", NULL },	    { "", "a", NULL },
	{ "&&&", "", NULL },	      { "x+y=1", "x y", "1" },	    { "A=1", "a", NULL },
	{ "ab=1", "a", NULL },	      { "&a=1", "a", "1" },
};

static void queries_are_read(void **unused)
{
	(void)unused;
	AUTO(arena) mem = { arena_open(0) };
	for (size_t i = 0; i < countof(queries); i++) {
		struct str out = { 0 };
		bool got = query_get(mem.p, str_c(queries[i].query), str_c(queries[i].name), &out);
		if (!strcmp(queries[i].query, "a=%00b")) { /* NUL bytes survive decoding */
			assert_true(got && out.len == 2 && !out.at[0]);
			continue;
		}
		if (got != !!queries[i].want || (got && !str_eq(out, str_c(queries[i].want))))
			fail_msg("%s: got %.*s", queries[i].query, STR(out));
	}
}

static void add_pair(void *arg, struct str name, struct str value)
{
	buf_printf(arg, "%.*s:%.*s;", STR(name), STR(value));
}

static void queries_are_walked(void **unused)
{
	(void)unused;
	AUTO(arena) mem = { arena_open(0) };
	struct buf out = buf_make(mem.p, 0);
	query_each(mem.p, S("a=1&b=x+y&&c&%64=%2B&a=2"), add_pair, &out);
	assert_true(str_eq(buf_str(&out), S("a:1;b:x y;c:;d:+;a:2;")));
}

/* --- guard --- */

union any {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static union any address(const char *text)
{
	union any a = { 0 };
	if (inet_pton(AF_INET, text, &a.v4.sin_addr) == 1)
		a.any.sa_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &a.v6.sin6_addr) == 1)
		a.any.sa_family = AF_INET6;
	else
		fail_msg("bad test address %s", text);
	return a;
}

static const struct {
	const char *text;
	enum guard_class want;
} classes[] = {
	{ "8.8.8.8", GUARD_PUBLIC }, { "1.1.1.1", GUARD_PUBLIC }, { "172.15.0.1", GUARD_PUBLIC },
	{ "172.32.0.1", GUARD_PUBLIC }, { "192.167.0.1", GUARD_PUBLIC }, { "100.63.0.1", GUARD_PUBLIC },
	{ "100.128.0.1", GUARD_PUBLIC }, { "9.255.255.255", GUARD_PUBLIC }, { "11.0.0.0", GUARD_PUBLIC },
	{ "223.255.255.255", GUARD_PUBLIC }, { "169.253.0.1", GUARD_PUBLIC },
	{ "127.0.0.1", GUARD_LOOPBACK }, { "127.255.255.254", GUARD_LOOPBACK },
	{ "10.0.0.1", GUARD_PRIVATE }, { "172.16.0.1", GUARD_PRIVATE },
	{ "172.31.255.255", GUARD_PRIVATE }, { "192.168.1.1", GUARD_PRIVATE },
	{ "169.254.1.1", GUARD_LINK_LOCAL }, { "169.254.169.254", GUARD_METADATA },
	{ "169.254.170.2", GUARD_METADATA }, { "169.254.170.23", GUARD_METADATA },
	{ "100.100.100.200", GUARD_METADATA }, { "168.63.129.16", GUARD_METADATA },
	{ "192.0.0.192", GUARD_METADATA }, { "100.64.0.1", GUARD_SHARED },
	{ "224.0.0.1", GUARD_MULTICAST }, { "239.1.1.1", GUARD_MULTICAST },
	{ "240.0.0.1", GUARD_RESERVED }, { "255.255.255.255", GUARD_RESERVED },
	{ "0.0.0.0", GUARD_UNSPECIFIED }, { "0.1.2.3", GUARD_RESERVED },
	{ "192.0.2.1", GUARD_RESERVED }, { "198.18.0.1", GUARD_RESERVED },
	{ "198.19.255.255", GUARD_RESERVED }, { "198.51.100.1", GUARD_RESERVED },
	{ "203.0.113.1", GUARD_RESERVED }, { "192.88.99.1", GUARD_RESERVED },
	{ "2606:4700::1111", GUARD_PUBLIC }, { "2001:4860:4860::8888", GUARD_PUBLIC },
	{ "::", GUARD_UNSPECIFIED }, { "::1", GUARD_LOOPBACK }, { "::2", GUARD_RESERVED },
	{ "fc00::1", GUARD_PRIVATE }, { "fdff::1", GUARD_PRIVATE }, { "fe80::1", GUARD_LINK_LOCAL },
	{ "febf::1", GUARD_LINK_LOCAL }, { "fec0::1", GUARD_PRIVATE }, { "ff02::1", GUARD_MULTICAST },
	{ "fd00:ec2::254", GUARD_METADATA }, { "fd00:ec2::23", GUARD_METADATA },
	{ "fd20:ce::254", GUARD_METADATA }, { "2001:db8::1", GUARD_RESERVED },
	{ "3fff:0abc::1", GUARD_RESERVED }, { "100::1", GUARD_RESERVED }, { "4000::1", GUARD_RESERVED },
	/* IPv4 inside */
	{ "::ffff:127.0.0.1", GUARD_LOOPBACK }, { "::ffff:10.0.0.1", GUARD_PRIVATE },
	{ "::ffff:169.254.169.254", GUARD_METADATA }, { "::ffff:8.8.8.8", GUARD_PUBLIC },
	{ "::127.0.0.1", GUARD_LOOPBACK }, { "::10.1.2.3", GUARD_PRIVATE },
	{ "::ffff:0:127.0.0.1", GUARD_LOOPBACK }, { "::ffff:0:169.254.169.254", GUARD_METADATA },
	{ "64:ff9b::127.0.0.1", GUARD_LOOPBACK }, { "64:ff9b::8.8.8.8", GUARD_NAT64 },
	{ "64:ff9b::169.254.169.254", GUARD_METADATA }, { "64:ff9b:1::808:808", GUARD_PRIVATE },
	{ "2002:7f00:1::", GUARD_LOOPBACK }, { "2002:a9fe:a9fe::1", GUARD_METADATA },
	{ "2002:c0a8:0101::1", GUARD_PRIVATE }, { "2002:808:808::1", GUARD_RESERVED },
	{ "2001:0:0808:0808:0:0:80ff:fffe", GUARD_LOOPBACK }, /* Teredo client 127.0.0.1 */
	{ "2001:0:0a00:0001:0:0:f7f7:f7f7", GUARD_PRIVATE },  /* Teredo server 10.0.0.1 */
	{ "2001:0:0808:0808:0:0:f7f7:f7f7", GUARD_RESERVED },
	{ "64:ff9b:1::a9fe:a9fe", GUARD_METADATA },
	{ "169.254.42.42", GUARD_METADATA }, { "192.31.196.1", GUARD_RESERVED },
	{ "192.52.193.1", GUARD_RESERVED }, { "192.175.48.1", GUARD_RESERVED },
	{ "2620:4f:8000::1", GUARD_RESERVED }, { "2001:2::1", GUARD_RESERVED },
	{ "2001:20::1", GUARD_RESERVED }, { "5f00::1", GUARD_RESERVED },
	{ "100:0:0:1::1", GUARD_RESERVED }, { "2606:4700::5efe:8.8.8.8", GUARD_PUBLIC },
	{ "2606:4700::200:5efe:169.254.169.254", GUARD_METADATA },
	{ "2606:4700::5efe:10.0.0.1", GUARD_PRIVATE }, { "2606:4700::200:5efe:127.0.0.1", GUARD_LOOPBACK },
};

static void addresses_are_classified(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(classes); i++) {
		union any a = address(classes[i].text);
		enum guard_class got = guard_classify(&a.any);
		if (got != classes[i].want)
			fail_msg("%s: got %s, want %s", classes[i].text, guard_class_name(got),
				 guard_class_name(classes[i].want));
	}
	struct sockaddr unix_address = { .sa_family = AF_UNIX };
	assert_int_equal(guard_classify(&unix_address), GUARD_RESERVED);
}

static const struct {
	const char *addresses, *domains, *host, *address;
	bool allowed;
} rules[] = {
	{ "", "", "h", "8.8.8.8", true },
	{ "", "", "h", "10.0.0.1", false },
	{ "10.0.0.0/8", "", "h", "10.1.2.3", true },
	{ "10.0.0.0/8", "", "h", "11.1.2.3", true },
	{ "10.0.0.0/9", "", "h", "10.200.2.3", false },
	{ "10.0.0.0/8", "", "h", "192.168.0.1", false },
	{ "10.0.0.0/8, 192.168.0.1", "", "h", "192.168.0.1", true },
	{ "10.0.0.0/8 192.168.0.1", "", "h", "192.168.0.2", false },
	{ "10.0.0.0/8", "", "h", "::ffff:10.0.0.1", true },
	/* an IPv6 address that bears an allowed IPv4 one is not that one (SSRF_PROXY_NAT64 is off) */
	{ "10.0.0.0/8", "", "h", "64:ff9b::10.0.0.1", false },
	{ "10.0.0.0/8", "", "h", "fd00::5efe:10.0.0.1", false },
	{ "10.0.0.0/8", "", "h", "2002:a00:1::1", false },
	{ "", "", "h", "64:ff9b::8.8.8.8", false },
	{ "fc00::/7", "", "h", "fd00::1", true },
	{ "fc00::/7", "", "h", "10.0.0.1", false },
	{ "::1", "", "h", "::1", true },
	{ "0.0.0.0/1", "", "h", "127.0.0.1", true },
	{ "0.0.0.0/1", "", "h", "fc00::1", false },
	{ "0.0.0.0/1", "", "h", "0.0.0.0", false },
	{ "128.0.0.0/1", "", "h", "224.0.0.1", false },
	{ "", "db.internal", "db.internal", "10.0.0.1", true },
	{ "", "db.internal", "DB.Internal.", "10.0.0.1", true },
	{ "", "db.internal", "xdb.internal", "10.0.0.1", false },
	{ "", "db.internal", "a.db.internal", "10.0.0.1", false },
	{ "", ".corp.example", "a.corp.example", "10.0.0.1", true },
	{ "", ".corp.example", "corp.example", "10.0.0.1", true },
	{ "", ".corp.example", "evilcorp.example", "10.0.0.1", false },
	{ "", "*.corp.example", "a.corp.example", "10.0.0.1", true },
	/* a name opens what lies elsewhere, never this machine */
	{ "", "db.internal", "db.internal", "127.0.0.1", false },
	{ "", "db.internal", "db.internal", "224.0.0.1", false },
	/* metadata: by no list */
	{ "0.0.0.0/1 128.0.0.0/1", "", "h", "169.254.169.254", false },
	{ "169.254.0.0/16", "", "h", "169.254.169.254", false },
	{ "169.254.0.0/16", "", "h", "169.254.1.1", true },
	{ "169.254.169.254", "", "h", "169.254.169.254", false },
	{ "169.254.169.254/32", "", "h", "::ffff:169.254.169.254", false },
	{ "", "h", "h", "169.254.169.254", false },
	{ "fd00:ec2::254", "", "h", "fd00:ec2::254", false },
};

static void rules_decide(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(rules); i++) {
		struct guard *g;
		struct guard_options o = { str_c(rules[i].addresses), str_c(rules[i].domains) };
		union any a = address(rules[i].address);
		assert_int_equal(guard_open(&o, &g), 0);
		bool ok = !guard_check(g, str_c(rules[i].host), &a.any, 80);
		if (ok != rules[i].allowed)
			fail_msg("case %zu: %s %s %s %s", i, rules[i].addresses, rules[i].domains,
				 rules[i].host, rules[i].address);
		if (!ok) {
			assert_int_equal(err_code(), ERR_DENIED);
			assert_true(str_has(err_text(), str_c(rules[i].host)));
		}
		guard_close(g);
	}
	static const char *const bad[] = { "10.0.0.0/33", "10.0.0.0/x", "::/129", "10.0.0/8", "a/8",
					   "0.0.0.0/0", "::/0", "*", "010.0.0.1", "a..b", "http://a" };
	for (size_t i = 0; i < countof(bad); i++) {
		struct guard *g;
		struct guard_options o = { .allow_addresses = str_c(bad[i]) };
		assert_int_equal(guard_open(&o, &g), -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_are_parsed), cmocka_unit_test(queries_are_read),
		cmocka_unit_test(queries_are_walked), cmocka_unit_test(addresses_are_classified),
		cmocka_unit_test(rules_decide),
	};
	return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
