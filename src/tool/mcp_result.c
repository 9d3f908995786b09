/* SPDX-License-Identifier: Apache-2.0 */
/* mcp_result: what an MCP tool answers: texts, pictures, sounds, resources, structured content. Pure. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/enc.h"
#include "base/err.h"
#include "base/mime.h"
#include "tool/tool_int.h"

enum { FILES_MAX = 32 };

/* Text that is JSON is given out as both: graphs read either. */
static void take_text(struct arena *mem, struct str text, struct tool_result *out)
{
	struct json *v;
	if (out->text.len)
		tool_say(mem, out, S("\n"));
	tool_say(mem, out, text);
	if (json_parse(mem, text, &v) == 0 && (v->type == JSON_OBJ || v->type == JSON_ARR))
		tool_say_json(mem, out, v);
	err_clear();
}

static status take_bytes(struct arena *mem, struct str base64, struct str type, struct str name,
			 struct tool_result *out)
{
	struct str bytes;
	if (dec_base64(mem, base64, &bytes))
		return err_set(ERR_UPSTREAM, "MCP server: a file of the answer is no base64");
	if (out->file_count == FILES_MAX)
		return err_set(ERR_TOO_LARGE, "MCP server: the answer has more than %d files", FILES_MAX);
	if (!out->files)
		out->files = arena_array(mem, struct tool_file, FILES_MAX);
	if (!type.len)
		type = S("application/octet-stream");
	if (!name.len) {
		struct str ext = mime_extension(type);
		name = arena_printf(mem, "file%s%.*s", ext.len && ext.at[0] != '.' ? "." : "", STR(ext));
	}
	out->files[out->file_count++] = (struct tool_file){.bytes = bytes, .mime_type = type, .name = name};
	return 0;
}

static status take_resource(struct arena *mem, const struct json *r, struct tool_result *out)
{
	struct str uri = json_get_str(r, S("uri"));
	if (json_get(r, S("text"))) {
		take_text(mem, json_get_str(r, S("text")), out);
		return 0;
	}
	size_t slash = str_rfind_char(uri, '/');
	return take_bytes(mem, json_get_str(r, S("blob")), json_get_str(r, S("mimeType")),
			  slash == SIZE_MAX ? uri : str_skip(uri, slash + 1), out);
}

static status take_part(struct arena *mem, const struct json *part, struct tool_result *out)
{
	struct str type = json_get_str(part, S("type"));
	if (str_eq(type, S("text")))
		take_text(mem, json_get_str(part, S("text")), out);
	else if (str_eq(type, S("image")) || str_eq(type, S("audio")))
		return take_bytes(mem, json_get_str(part, S("data")), json_get_str(part, S("mimeType")), S(""), out);
	else if (str_eq(type, S("resource")))
		return take_resource(mem, json_get(part, S("resource")), out);
	else if (str_eq(type, S("resource_link")))
		take_text(mem, json_get_str(part, S("uri")), out);
	return 0; /* kinds of later revisions are left out */
}

status mcp_read_result(struct arena *mem, const struct json *result, struct tool_result *out)
{
	const struct json *named = json_get(result, S("structuredContent"));
	json_each(json_get(result, S("content")), part) if (take_part(mem, part, out)) return -1;
	if (json_get_bool(result, S("isError"), false))
		return err_set(ERR_INVALID, "%.*s",
			       STR(out->text.len ? str_sub(out->text, 0, utf8_prefix(out->text, 2000))
						 : S("the tool failed without a word")));
	json_each_member(named, m) json_set(mem, out->variables, m->name, &m->value);
	/* Servers say the same as text; older ones only as structure. */
	if (json_is(named, JSON_OBJ) && !json_len(out->json))
		tool_say_json(mem, out, named);
	if (json_is(named, JSON_OBJ) && !out->text.len)
		tool_say(mem, out, json_text(mem, named, JSON_SPACED));
	return 0;
}
