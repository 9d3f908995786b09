/* SPDX-License-Identifier: Apache-2.0 */
/*
 * files: signed links to uploads and to files that nodes made. Whoever holds a link may read that one file until it expires; the
 * signature stands for the check of tenant and user, so the row is found by its id alone.
 */
#include "api/service/service.h"
#include "app/draft.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/id.h"
#include "flow/file.h"
#include "sql_files.h"
#include "store/db/db.h"

static status find(struct call *c, struct upload **out)
{
	struct db_rows *rows;
	if (DB_READ(c->s->db, c->mem, &sql_files_upload_tenant, &rows, db_text(c->param[0])))
		return -1;
	if (!rows->count)
		return err_set(ERR_NOT_FOUND, "File not found or signature is invalid");
	return upload_get(c->s->flow, c->mem, db_str_at(rows, 0, 0), c->param[0], out);
}

/* A value of a draft that is shown cut, all of it: the link bears the variable's id. */
static status send_whole(struct call *c)
{
	struct str name, text;
	if (draft_whole(c->s->apps, c->mem, c->param[0], &name, &text))
		return -1;
	http_add_header(c->http, S("Cache-Control"), S("no-store"));
	http_add_header(c->http, S("X-Content-Type-Options"), S("nosniff"));
	http_add_header(c->http, S("Content-Disposition"), upload_disposition(c, name));
	return http_reply(c->http, 200, S("application/octet-stream"), text);
}

static status get_preview(struct call *c)
{
	struct upload *u;
	struct str flag = http_query(c->http, S("as_attachment"));
	bool attachment = false;
	if (flag.len && str_to_bool(flag, &attachment))
		return err_set(ERR_INVALID, "as_attachment: Input should be a valid boolean");
	if (!file_check_signature(c->s->flow, c->param[0], http_query(c->http, S("timestamp")),
				  http_query(c->http, S("nonce")), http_query(c->http, S("sign"))))
		return err_set(ERR_NOT_FOUND, "File not found or signature is invalid");
	if (find(c, &u) == 0)
		return send_upload(c, u, attachment);
	return err_code() == ERR_NOT_FOUND ? send_whole(c) : -1;
}

/* /files/tools/<id>.<extension>: files that nodes made. The extension is for readers only. */
static status get_tool_file(struct call *c)
{
	c->param[0] = str_sub(c->param[0], 0, MIN(str_find_char(c->param[0], '.'), c->param[0].len));
	if (!id_is_uuid(c->param[0]))
		return err_set(ERR_NOT_FOUND, "File not found or signature is invalid");
	return get_preview(c);
}

static const struct route routes[] = {
	{HTTP_GET, "/files/tools/{file_name}",            AUTH_NONE, 0, 0, get_tool_file, 0},
	{HTTP_GET, "/files/{file_id:uuid}/file-preview",  AUTH_NONE, 0, 0, get_preview, 0},
	{HTTP_GET, "/files/{file_id:uuid}/image-preview", AUTH_NONE, 0, 0, get_preview, 0},
};
const struct route_table file_routes = {"files", routes, countof(routes)};
