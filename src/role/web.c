/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web: the pages, from the binary. Every path that is no file is a page of the one-page
 * application. Files under /assets have their hash in the name and never change.
 */
#include "role/role.h"

#include <zlib.h>

#include "base/arena.h"
#include "base/embed.h"
#include "base/err.h"

/* Made by tools/embed.py from web/dist. */
extern const struct embedded_file web_files[];
extern const size_t web_files_len;

static void security_headers(struct http *h)
{
	bool embeddable = str_starts(h->path, S("/chat/")) || str_starts(h->path, S("/chatbot/"));
	http_add_header(h, S("X-Content-Type-Options"), S("nosniff"));
	http_add_header(h, S("Referrer-Policy"), S("same-origin"));
	http_add_header(h, S("Content-Security-Policy"),
			embeddable
				? S("default-src 'self'; img-src 'self' data: https: http:; style-src "
				    "'self' 'unsafe-inline'; connect-src 'self'; object-src 'none'; "
				    "base-uri 'self'")
				: S("default-src 'self'; img-src 'self' data: https: http:; style-src "
				    "'self' 'unsafe-inline'; connect-src 'self'; object-src 'none'; "
				    "base-uri 'self'; frame-ancestors 'none'"));
}

/* For the few clients that do not take gzip. The last four bytes are the size (RFC 1952). */
static status unpack(struct arena *mem, struct str packed, struct str *out)
{
	const unsigned char *tail = (const unsigned char *)packed.at + packed.len - 4;
	size_t size = (size_t)tail[0] | (size_t)tail[1] << 8 | (size_t)tail[2] << 16 |
		      (size_t)tail[3] << 24;
	char *at = arena_text(mem, size);
	z_stream z = { .next_in = (unsigned char *)(uintptr_t)packed.at,
		       .avail_in = (unsigned)packed.len,
		       .next_out = (unsigned char *)at,
		       .avail_out = (unsigned)size };
	if (inflateInit2(&z, 15 + 16) != Z_OK)
		return err_set(ERR_INTERNAL, "cannot unpack a page");
	int r = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	if (r != Z_STREAM_END)
		return err_set(ERR_INTERNAL, "cannot unpack a page");
	*out = str_of(at, size);
	return 0;
}

static status web_handle(struct http *h, void *ctx)
{
	(void)ctx;
	if (h->method != HTTP_GET && h->method != HTTP_HEAD)
		return err_set(ERR_METHOD, "pages are read with GET");
	struct str path = str_skip(h->path, 1);
	const struct embedded_file *f = embed_find(web_files, web_files_len, path);
	bool asset = str_starts(path, S("assets/"));
	if (!f && asset)
		return err_set(ERR_NOT_FOUND, "no such file: reload the page");
	if (!f)
		f = embed_find(web_files, web_files_len, S("index.html"));
	if (!f)
		return err_set(ERR_UNAVAILABLE,
			       "This binary was built without the pages. Run `make all`.");
	security_headers(h);
	struct str body = str_of((const char *)f->data, f->len);
	http_add_header(h, S("Cache-Control"),
			asset ? S("public, max-age=31536000, immutable") : S("no-cache"));
	http_add_header(h, S("Vary"), S("Accept-Encoding"));
	if (f->gzip && str_has(http_header(h, S("Accept-Encoding")), S("gzip")))
		http_add_header(h, S("Content-Encoding"), S("gzip"));
	else if (f->gzip && unpack(h->mem, body, &body))
		return -1;
	return http_reply(h, 200, str_c(f->type), body);
}

const struct role_type role_web = {
	.name = "web",
	.help = "console and chat pages",
	.replaces = "web",
	.listen = "127.0.0.1:3000",
	.handle = web_handle,
	.body_limit = 64 << 10,
};
