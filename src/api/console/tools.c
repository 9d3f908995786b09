/* SPDX-License-Identifier: Apache-2.0 */
/* tools: lists of tool providers, and the picture of a built-in one. */
#include "api/console/console.h"

#include "tool/tool.h"

static struct tool_scope own_scope(struct call *c)
{
	return (struct tool_scope){
		.tenant_id = c->account->tenant_id, .user = c->account->id, .by_account = true};
}

static status list_kinds(struct call *c, const char *const *kinds, size_t n, bool with_tools)
{
	struct tool_scope scope = own_scope(c);
	struct json *all = json_arr(c->mem), *some;
	for (size_t i = 0; i < n; i++) {
		if (tools_list(c->s->tools, c->mem, &scope, str_c(kinds[i]), with_tools, &some))
			return -1;
		json_each(some, p) json_push(c->mem, all, p);
	}
	return reply_json(c, 200, all);
}

status console_tool_providers(struct call *c)
{
	static const char *const kinds[] = {"builtin", "api", "workflow", "mcp"};
	struct str type = http_query(c->http, S("type"));
	for (size_t i = 0; type.len && i < countof(kinds); i++)
		if (str_eq(type, str_c(kinds[i])))
			return list_kinds(c, &kinds[i], 1, false);
	return list_kinds(c, kinds, countof(kinds), false);
}

status console_tools_of_kind(struct call *c)
{
	const char *kind = arena_cstr(c->mem, c->param[0]);
	return list_kinds(c, &kind, 1, true);
}

/* A plain picture with the first letters of the name: no artwork of others. */
status console_tool_icon(struct call *c)
{
	struct str name = c->param[0];
	char letter = name.len && ((name.at[0] | 32) >= 'a' && (name.at[0] | 32) <= 'z')
			      ? (char)(name.at[0] & ~32)
			      : '#';
	struct str svg = arena_printf(
		c->mem,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 40 40\"><rect "
		"width=\"40\" height=\"40\" rx=\"8\" fill=\"#5b6b8c\"/><text x=\"20\" y=\"27\" "
		"font-family=\"sans-serif\" font-size=\"20\" fill=\"#fff\" "
		"text-anchor=\"middle\">%c</text></svg>",
		letter);
	http_add_header(c->http, S("Cache-Control"), S("public, max-age=86400"));
	return http_reply(c->http, 200, S("image/svg+xml"), svg);
}
