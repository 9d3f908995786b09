/* SPDX-License-Identifier: Apache-2.0 */
/* hello: the server name of a TLS ClientHello (RFC 8446 4.1.2, RFC 6066 3). Pure; decrypts nothing.
 * Only a hello that lies in its first record is taken, as every client sends it. */
#include "proxy/egress_int.h"

enum {
	RECORD_HANDSHAKE = 22,
	TYPE_CLIENT_HELLO = 1,
	EXTENSION_NAME = 0,
	NAME_HOST = 0,
	RECORD_MAX = 16384,
};

struct cursor {
	const uint8_t *at;
	size_t left;
	bool bad;
};

static size_t number(struct cursor *c, int bytes)
{
	size_t n = 0;
	if (c->left < (size_t)bytes) {
		c->bad = true;
		return 0;
	}
	for (int i = 0; i < bytes; i++)
		n = n << 8 | c->at[i];
	c->at += bytes;
	c->left -= (size_t)bytes;
	return n;
}

/* A part of the given size, taken off the front. */
static struct cursor part(struct cursor *c, size_t size)
{
	if (c->bad || c->left < size) {
		c->bad = true;
		return (struct cursor){ .bad = true };
	}
	struct cursor p = { c->at, size, false };
	c->at += size;
	c->left -= size;
	return p;
}

/* A vector: its length in `bytes`, then so much. */
static struct cursor vector(struct cursor *c, int bytes)
{
	return part(c, number(c, bytes));
}

static bool host_name(struct cursor list, struct str *name)
{
	while (list.left && !list.bad) {
		size_t type = number(&list, 1);
		struct cursor n = vector(&list, 2);
		if (!n.bad && type == NAME_HOST && n.left) {
			*name = str_of((const char *)n.at, n.left);
			return true;
		}
	}
	return false;
}

static enum egress_hello read_body(struct cursor c, struct str *name)
{
	part(&c, 2 + 32); /* version, random */
	vector(&c, 1);	  /* session */
	vector(&c, 2);	  /* suites */
	vector(&c, 1);	  /* compression */
	struct cursor all = vector(&c, 2);
	bool found = false;
	while (all.left && !all.bad) {
		size_t type = number(&all, 2);
		struct cursor ext = vector(&all, 2);
		if (ext.bad || type != EXTENSION_NAME)
			continue;
		if (found) /* twice: which one would the server take? */
			return HELLO_NONE;
		struct cursor list = vector(&ext, 2);
		found = !ext.left && host_name(list, name);
		if (!found)
			return HELLO_NONE;
	}
	return found && !all.bad ? HELLO_FOUND : HELLO_NONE;
}

enum egress_hello egress_hello_name(const uint8_t *at, size_t len, struct str *name)
{
	struct cursor c = { at, len, false };
	if (len && at[0] != RECORD_HANDSHAKE)
		return HELLO_NONE;
	if (len < 5)
		return HELLO_MORE;
	number(&c, 3);
	size_t size = number(&c, 2);
	if (!size || size > RECORD_MAX || at[1] != 3)
		return HELLO_NONE;
	if (c.left < size)
		return HELLO_MORE;
	struct cursor record = part(&c, size);
	if (number(&record, 1) != TYPE_CLIENT_HELLO)
		return HELLO_NONE;
	struct cursor body = vector(&record, 3);
	return body.bad ? HELLO_NONE : read_body(body, name);
}
