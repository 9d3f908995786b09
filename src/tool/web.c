/* SPDX-License-Identifier: Apache-2.0 */
/* web: the built-in reader of web pages, arithmetic, and code in the sandbox. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "net/client.h"
#include "rt/rt.h"
#include "text/document.h"
#include "tool/calc.h"
#include "tool/code.h"
#include "tool/tool_int.h"

static struct str text_arg(const struct builtin_call *c, const char *name)
{
	return json_get_str(c->args, str_c(name));
}

/* --- web pages --- */

struct page {
	struct arena *mem;
	struct document doc;
	struct str text;
};

static void page_free(void *p)
{
	struct page *page = p;
	arena_close(page->mem);
}

static status page_read(void *p)
{
	struct page *page = p;
	struct str type = page->doc.mime_type, text;
	if (document_text(page->mem, &page->doc, &text))
		return -1;
	bool html = !type.len || str_eq(type, S("text/html")) ||
		    str_eq(type, S("application/xhtml+xml"));
	page->text = str_trim(html ? document_untag(page->mem, text) : text);
	return 0;
}

/* Pages of strangers may be large: they are read on the pool, in memory of their own. */
static status read_page(struct builtin_call *c, struct str type, struct str bytes, struct str *out)
{
	struct arena *mem = arena_open(0);
	struct page *page = arena_new(mem, struct page);
	bool html = str_eq(type, S("text/html")) || str_eq(type, S("application/xhtml+xml"));
	*page = (struct page){
		.mem = mem, .doc = {.bytes = arena_str(mem, bytes), .text_max = TOOL_FETCH_MAX}
        };
	page->doc.mime_type = arena_str(mem, type.len ? type : S("text/html"));
	page->doc.extension = html ? S("html") : S("");
	if (pool_run(page_read, page, page_free))
		return -1;
	*out = arena_str(c->mem, page->text);
	page_free(page);
	return 0;
}

static struct str cut(struct arena *mem, struct str s)
{
	enum { PAGE_TEXT_MAX = 200000 };
	if (s.len <= PAGE_TEXT_MAX)
		return s;
	s = str_sub(s, 0, PAGE_TEXT_MAX);
	while (s.len && ((unsigned char)s.at[s.len - 1] & 0xc0) == 0x80)
		s.len--;
	s.len -= s.len > 0;
	return arena_printf(mem, "%.*s\n[cut: the page is longer]", STR(s));
}

status builtin_webscraper(struct builtin_call *c)
{
	static const char agent[] = "Mozilla/5.0 (compatible; Tatara)";
	struct str url = str_trim(text_arg(c, "url")), own = text_arg(c, "user_agent"), text;
	struct http_header header = {S("User-Agent"), own.len ? own : str_c(agent)};
	struct client_request r = {.url = url,
				   .headers = &header,
				   .header_count = 1,
				   .guarded = true,
				   .redirects_max = 5,
				   .connect_ms = 10000,
				   .read_ms = 30000,
				   .response_max = TOOL_FETCH_MAX};
	struct client_response *reply;
	if (!c->tools->o.client)
		return err_set(ERR_UNAVAILABLE, "this process makes no requests");
	if (!str_starts(url, S("http://")) && !str_starts(url, S("https://")))
		return err_set(ERR_INVALID,
			       "Please input a URL that begins with http:// or https://");
	if (client_fetch_again(c->tools->o.client, c->mem, &r, &reply))
		return -1;
	if (reply->status >= 400)
		return err_set(ERR_INVALID, "The page answered with status %d", reply->status);
	struct str type = client_header(reply, S("content-type"));
	type = str_trim(str_sub(type, 0, str_find_char(type, ';')));
	if (read_page(c, type, reply->body, &text))
		return -1;
	tool_say(c->mem, c->result, text.len ? cut(c->mem, text) : S("The page holds no text."));
	return 0;
}

/* --- arithmetic --- */

status builtin_eval_expression(struct builtin_call *c)
{
	struct str out;
	if (calc_text(c->mem, text_arg(c, "expression"), &out))
		return -1;
	tool_say(c->mem, c->result, out);
	return 0;
}

/* --- code --- */

status builtin_simple_code(struct builtin_call *c)
{
	struct code_answer *a;
	bool js = str_eq(text_arg(c, "language"), S("javascript"));
	if (!c->tools->o.code)
		return err_set(ERR_UNAVAILABLE, "this process runs no code");
	if (code_run(c->tools->o.code, c->mem, js ? CODE_JAVASCRIPT : CODE_PYTHON3,
		     text_arg(c, "code"), c->scope->app_id, &a))
		return -1;
	if (a->error.len)
		return code_failed(a);
	tool_say(c->mem, c->result, a->stdout_text);
	return 0;
}
