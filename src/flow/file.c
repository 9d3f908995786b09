/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file: files that people send into apps: records of uploads, file objects of local and remote
 * files, their checks, signed addresses, and their content for models. See file.h.
 */
#include "flow/file.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/crypt.h"
#include "base/enc.h"
#include "base/err.h"
#include "base/id.h"
#include "base/json.h"
#include "base/mime.h"
#include "flow/run.h"
#include "net/client.h"
#include "net/url.h"
#include "sql_flow.h"
#include "store/blob/blob.h"
#include "store/db/db.h"

enum { REDIRECTS_MAX = 10, MODEL_FILE_MAX = 100 << 20 };

/* --- uploads --- */

status upload_add(struct flow *f, struct arena *mem, const struct upload_new *u)
{
	return DB_WRITE(f->options.db, mem, &sql_flow_upload_add, 1, NULL, db_text(u->id),
			db_text(u->tenant_id), db_text(u->app_id.at ? u->app_id : S("")), db_text(u->name),
			db_text(u->extension.at ? u->extension : S("")),
			db_text(u->mime_type.at ? u->mime_type : S("")), db_text(u->key), db_int(u->size),
			db_text(u->created_by), db_text(u->by_account ? S("account") : S("end_user")),
			db_int(clock_ms()));
}

status upload_get(struct flow *f, struct arena *mem, struct str tenant_id, struct str id,
		  struct upload **out)
{
	struct db_rows *rows;
	if (DB_READ(f->options.db, mem, &sql_flow_upload_get, &rows, db_text(tenant_id), db_text(id)))
		return -1;
	if (!rows->count)
		return err_set(ERR_NOT_FOUND, "File not found");
	struct upload *u = arena_new(mem, struct upload);
	*u = (struct upload){
		.id = db_str_at(rows, 0, 0), .tenant_id = db_str_at(rows, 0, 1),
		.name = db_str_at(rows, 0, 2), .extension = db_str_at(rows, 0, 3),
		.mime_type = db_str_at(rows, 0, 4), .key = db_str_at(rows, 0, 5),
		.size = db_int_at(rows, 0, 6), .created_by = db_str_at(rows, 0, 7),
		.created_by_role = db_str_at(rows, 0, 8), .used = db_int_at(rows, 0, 9) != 0,
		.created_ms = db_int_at(rows, 0, 10),
	};
	*out = u;
	return 0;
}

/* --- kinds --- */

static const struct {
	struct str extension, type, mime;
} kinds[] = {
#define KIND(e, t, m) { S_INIT(e), S_INIT(t), S_INIT(m) }
	KIND("jpg", "image", "image/jpeg"), KIND("jpeg", "image", "image/jpeg"),
	KIND("png", "image", "image/png"), KIND("webp", "image", "image/webp"),
	KIND("gif", "image", "image/gif"), KIND("svg", "image", "image/svg+xml"),
	KIND("mp4", "video", "video/mp4"), KIND("mov", "video", "video/quicktime"),
	KIND("mpeg", "video", "video/mpeg"), KIND("webm", "video", "video/webm"),
	KIND("mp3", "audio", "audio/mpeg"), KIND("m4a", "audio", "audio/mp4"),
	KIND("wav", "audio", "audio/wav"), KIND("amr", "audio", "audio/amr"),
	KIND("mpga", "audio", "audio/mpeg"),
	KIND("txt", "document", "text/plain"), KIND("markdown", "document", "text/markdown"),
	KIND("md", "document", "text/markdown"), KIND("mdx", "document", "text/markdown"),
	KIND("pdf", "document", "application/pdf"), KIND("html", "document", "text/html"),
	KIND("htm", "document", "text/html"),
	KIND("xlsx", "document", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
	KIND("xls", "document", "application/vnd.ms-excel"),
	KIND("docx", "document", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
	KIND("csv", "document", "text/csv"), KIND("vtt", "document", "text/vtt"),
	KIND("properties", "document", "text/plain"), KIND("doc", "document", "application/msword"),
	KIND("eml", "document", "message/rfc822"), KIND("msg", "document", "application/vnd.ms-outlook"),
	KIND("pptx", "document", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
	KIND("xml", "document", "application/xml"), KIND("epub", "document", "application/epub+zip"),
};

static int kind_of(struct str extension)
{
	if (str_starts(extension, S(".")))
		extension = str_skip(extension, 1);
	for (size_t i = 0; i < countof(kinds); i++)
		if (str_eq_nocase(kinds[i].extension, extension))
			return (int)i;
	return -1;
}

struct str file_type_of(struct str extension)
{
	int i = kind_of(extension);
	return i < 0 ? S("custom") : kinds[i].type;
}

bool file_is(const struct json *v)
{
	return var_is_file(v);
}

/* --- signed addresses (platform.md 6.1) --- */

static struct str base_url(struct flow *f)
{
	const struct config *c = f->options.config;
	struct str base = c ? config_str(c, CONFIG_FILES_URL) : S("");
	if (!base.len && c)
		base = config_str(c, CONFIG_CONSOLE_API_URL);
	while (str_ends(base, S("/")))
		base.len--;
	return base;
}

static struct str signature(struct flow *f, struct arena *mem, struct str id, struct str timestamp,
			    struct str nonce)
{
	unsigned char sum[SHA256_LEN];
	struct str text = arena_printf(mem, "file-preview|%.*s|%.*s|%.*s", STR(id), STR(timestamp), STR(nonce));
	crypt_hmac_sha256(f->options.secret, text, sum);
	/* 32 bytes make 43 characters and one "=" that clients expect. */
	struct str s = enc_base64url(mem, str_of((const char *)sum, sizeof(sum)));
	return arena_printf(mem, "%.*s=", STR(s));
}

static struct str signed_path(struct flow *f, struct arena *mem, struct str path, struct str id)
{
	unsigned char random[16];
	id_random(random, sizeof(random));
	struct str nonce = enc_hex(mem, str_of((const char *)random, sizeof(random)));
	struct str timestamp = arena_printf(mem, "%lld", (long long)clock_s());
	return arena_printf(mem, "%.*s%.*s?timestamp=%.*s&nonce=%.*s&sign=%.*s", STR(base_url(f)), STR(path),
			    STR(timestamp), STR(nonce), STR(signature(f, mem, id, timestamp, nonce)));
}

struct str file_signed_url(struct flow *f, struct arena *mem, struct str id)
{
	return signed_path(f, mem, arena_printf(mem, "/files/%.*s/file-preview", STR(id)), id);
}

struct str file_tool_url(struct flow *f, struct arena *mem, struct str id, struct str extension)
{
	return signed_path(f, mem, arena_printf(mem, "/files/tools/%.*s%.*s", STR(id), STR(extension)), id);
}

bool file_check_signature(struct flow *f, struct str id, struct str timestamp, struct str nonce,
			  struct str sign)
{
	AUTO(arena) mem = { arena_open(0) };
	int64_t at, life = f->options.config ? config_int(f->options.config, CONFIG_FILES_ACCESS_TIMEOUT) : 300;
	struct str good = signature(f, mem.p, id, timestamp, nonce);
	struct str bare = str_sub(good, 0, good.len - 1);
	if (str_to_i64(timestamp, &at)) {
		err_clear();
		return false;
	}
	return (str_eq_secret(good, sign) || str_eq_secret(bare, sign)) && clock_s() - at <= life;
}

struct json *file_fresh(struct flow *f, struct arena *mem, const struct json *file)
{
	struct json *o = json_copy(mem, file);
	struct str related = json_get_str(o, S("related_id"));
	if (str_eq(json_get_str(o, S("transfer_method")), S("remote_url")))
		json_set(mem, o, S("url"), json_get(o, S("remote_url")));
	else if (related.len && str_eq(json_get_str(o, S("transfer_method")), S("tool_file")))
		json_set_str(mem, o, S("url"),
			     file_tool_url(f, mem, related, json_get_str(o, S("extension"))));
	else if (related.len)
		json_set_str(mem, o, S("url"), file_signed_url(f, mem, related));
	/* Local files show their link in both places, as recorded. */
	if (str_eq(json_get_str(o, S("transfer_method")), S("local_file")))
		json_set(mem, o, S("remote_url"), json_get(o, S("url")));
	return o;
}

/* --- file objects --- */

struct made {
	struct str tenant_id, type, method, remote_url, related_id, filename, extension, mime;
	int64_t size;
};

static struct json *file_object(struct flow *f, struct arena *mem, const struct made *m)
{
	struct json *o = json_obj(mem);
	json_set_str(mem, o, S("dify_model_identity"), S("__dify__file__"));
	json_set_null(mem, o, S("id"));
	json_set_str(mem, o, S("tenant_id"), m->tenant_id);
	json_set_str(mem, o, S("type"), m->type);
	json_set_str(mem, o, S("transfer_method"), m->method);
	json_set_str_or_null(mem, o, S("remote_url"), m->remote_url);
	json_set_str_or_null(mem, o, S("related_id"), m->related_id);
	json_set_str(mem, o, S("filename"), m->filename);
	json_set_str(mem, o, S("extension"), m->extension);
	json_set_str(mem, o, S("mime_type"), m->mime);
	json_set_int(mem, o, S("size"), m->size);
	json_set_null(mem, o, S("url"));
	return file_fresh(f, mem, o);
}

static struct str extension_of(struct arena *mem, struct str filename, struct str mime)
{
	size_t dot = str_rfind_char(filename, '.');
	if (dot != SIZE_MAX && dot + 1 < filename.len)
		return str_skip(filename, dot);
	struct str extension = mime_extension(mime);
	return extension.len ? arena_printf(mem, ".%.*s", STR(extension)) : S(".bin");
}

/* Extensions first, then the main type of the MIME type. */
static struct str detected(struct str extension, struct str mime)
{
	static const struct str mains[] = { S_INIT("image"), S_INIT("video"), S_INIT("audio") };
	struct str type = file_type_of(extension);
	if (!str_eq(type, S("custom")))
		return type;
	for (size_t i = 0; i < countof(mains); i++)
		if (str_starts(mime, mains[i]))
			return mains[i];
	return type;
}

/* The given type wins when it is none of a kind that contradicts what was found. */
static status settle_type(const struct json *mapping, struct made *m)
{
	struct str given = json_get_str(mapping, S("type")), found = detected(m->extension, m->mime);
	if (!given.len || str_eq(given, S("custom"))) {
		m->type = given.len ? given : found;
		return 0;
	}
	if (!str_eq(given, found) && !str_eq(found, S("custom")))
		return err_set(ERR_INVALID,
			       "Detected file type does not match the specified type. Please verify the file.");
	m->type = given;
	return 0;
}

static status local_file(struct flow *f, struct arena *mem, struct str tenant_id,
			 const struct json *mapping, struct made *m)
{
	struct str id = json_get_str(mapping, S("upload_file_id"));
	struct upload *u;
	if (!id_is_uuid(id))
		return err_set(ERR_INVALID, "Invalid upload file id format");
	if (upload_get(f, mem, tenant_id, id, &u))
		return err_code() == ERR_NOT_FOUND ? err_set(ERR_INVALID, "Invalid upload file") : -1;
	m->related_id = u->id;
	m->filename = u->name;
	m->extension = arena_printf(mem, ".%.*s", STR(u->extension));
	m->mime = u->mime_type;
	m->size = u->size;
	/* A file that an app has used may be shown to its users. */
	return DB_WRITE(f->options.db, mem, &sql_flow_upload_use, DB_ANY, NULL, db_text(tenant_id),
			db_text(u->id));
}

/* --- files that nodes make: kept beside the uploads, under another folder of the store --- */

static bool plain_extension(struct str e)
{
	for (size_t i = 0; i < e.len; i++)
		if (!((e.at[i] >= 'a' && e.at[i] <= 'z') || (e.at[i] >= '0' && e.at[i] <= '9')))
			return false;
	return e.len > 0 && e.len <= 16;
}

status file_save(struct flow *f, struct arena *mem, const struct file_new *n, struct json **out)
{
	unsigned char random[16];
	id_random(random, sizeof(random));
	struct str extension = mime_name_extension(n->name), mime = mime_bare(n->mime_type);
	if (!plain_extension(extension))
		extension = mime_extension(mime);
	if (!extension.len)
		extension = S("bin");
	struct upload_new u = {
		.id = id_uuid(mem), .tenant_id = n->tenant_id, .app_id = n->app_id, .name = n->name,
		.extension = extension, .mime_type = mime.len ? mime : S("application/octet-stream"),
		.size = (int64_t)n->bytes.len, .created_by = n->created_by, .by_account = n->by_account,
	};
	if (!u.name.len)
		u.name = arena_printf(mem, "%.*s.%.*s",
				      STR(enc_hex(mem, str_of((const char *)random, sizeof(random)))),
				      STR(extension));
	u.key = arena_printf(mem, "tools/%.*s/%.*s.%.*s", STR(n->tenant_id), STR(u.id), STR(extension));
	if (blob_put(f->options.blob, u.key, n->bytes) || upload_add(f, mem, &u))
		return -1;
	struct made m = { .tenant_id = n->tenant_id, .method = S("tool_file"), .related_id = u.id,
			  .filename = u.name, .mime = u.mime_type, .size = u.size,
			  .extension = arena_printf(mem, ".%.*s", STR(extension)) };
	m.type = detected(m.extension, m.mime);
	*out = file_object(f, mem, &m);
	return 0;
}

static status tool_file(struct flow *f, struct arena *mem, struct str tenant_id,
			const struct json *mapping, struct made *m)
{
	struct str id = json_get_str(mapping, S("tool_file_id"));
	struct upload *u;
	if (!id.len)
		id = json_get_str(mapping, S("upload_file_id"));
	if (!id_is_uuid(id))
		return err_set(ERR_INVALID, "Invalid tool file id format");
	if (upload_get(f, mem, tenant_id, id, &u))
		return err_code() == ERR_NOT_FOUND ? err_set(ERR_INVALID, "ToolFile %.*s not found", STR(id)) : -1;
	m->related_id = u->id;
	m->filename = u->name;
	m->extension = arena_printf(mem, ".%.*s", STR(u->extension));
	m->mime = u->mime_type;
	m->size = u->size;
	return 0;
}

/* filename="x" or filename=x of a Content-Disposition. */
static struct str disposition_name(struct arena *mem, struct str value)
{
	size_t at = str_find(value, S("filename="));
	if (at == SIZE_MAX)
		return S("");
	struct str rest = str_skip(value, at + 9);
	if (str_starts(rest, S("\""))) {
		rest = str_skip(rest, 1);
		return str_cut(&rest, '"');
	}
	(void)mem;
	return str_trim(str_cut(&rest, ';'));
}

static struct str path_name(struct arena *mem, struct str url)
{
	struct url u;
	if (url_parse(url, &u))
		return S("");
	struct str path = u.path;
	path = str_cut(&path, '?');
	size_t slash = str_rfind_char(path, '/');
	return dec_percent(mem, slash == SIZE_MAX ? path : str_skip(path, slash + 1), false);
}

static status probe(struct flow *f, struct arena *mem, struct str url, struct client_response **out)
{
	struct client_request q = { .method = HTTP_HEAD, .url = url, .guarded = true,
				    .redirects_max = REDIRECTS_MAX };
	bool http = str_starts(url, S("http://")) || str_starts(url, S("https://"));
	if (http && !client_fetch_again(f->options.client, mem, &q, out))
		return 0;
	if (http && err_code() == ERR_CANCELLED)
		return -1;
	/* One text for all that keeps a file from being looked at: who asks is told nothing about
	 * what is reachable from here. */
	struct err why = { 0 };
	if (http)
		err_save(&why);
	const struct config *c = f->options.config;
	int64_t retries = c ? config_int(c, CONFIG_SSRF_DEFAULT_MAX_RETRIES) : 3;
	(void)err_set(ERR_INVALID, "Reached maximum retries (%lld) for URL %.*s", (long long)retries, STR(url));
	err_detail("%s", why.text);
	return -1;
}

static status remote_file(struct flow *f, struct arena *mem, const struct json *mapping, struct made *m)
{
	struct client_response *r;
	struct str url = json_get_str(mapping, S("url"));
	if (!url.len)
		url = json_get_str(mapping, S("remote_url"));
	if (!url.len)
		return err_set(ERR_INVALID, "Invalid file url");
	if (probe(f, mem, url, &r))
		return -1;
	struct str type = client_header(r, S("content-type")), length = client_header(r, S("content-length"));
	m->remote_url = url;
	m->filename = disposition_name(mem, client_header(r, S("content-disposition")));
	if (!m->filename.len)
		m->filename = path_name(mem, url);
	m->mime = str_trim(str_cut(&type, ';'));
	m->extension = extension_of(mem, m->filename, m->mime);
	int kind = kind_of(m->extension);
	if (kind >= 0 && (!m->mime.len || str_eq(m->mime, S("application/octet-stream"))))
		m->mime = kinds[kind].mime;
	if (!m->filename.len)
		m->filename = arena_printf(mem, "file%.*s", STR(m->extension));
	m->size = -1;
	if (r->status >= 400 || !length.len || str_to_i64(length, &m->size))
		m->size = -1;
	return 0;
}

/* --- checks --- */

static bool listed(const struct json *list, struct str word)
{
	if (!json_len(list))
		return true;
	json_each(list, item)
		if (str_eq_nocase(json_as_str(item, S("")), word))
			return true;
	return false;
}

static bool has_word(const struct json *list, struct str word)
{
	return json_len(list) && listed(list, word);
}

/* Extensions stand with or without a dot, in any case. */
static bool extension_listed(const struct json *list, struct str extension)
{
	return listed(list, extension) || listed(list, str_skip(extension, 1));
}

static bool allowed(const struct file_rules *rules, const struct made *m)
{
	bool custom = str_eq(m->type, S("custom"));
	bool takes_custom = has_word(rules->types, S("custom"));
	if (json_len(rules->types) && !custom && !listed(rules->types, m->type) && !takes_custom)
		return false;
	if (json_len(rules->types) && custom && !takes_custom)
		return false;
	bool by_extension = custom || (takes_custom && !listed(rules->types, m->type));
	if (by_extension && json_len(rules->extensions) && !extension_listed(rules->extensions, m->extension))
		return false;
	return listed(rules->methods, m->method) || str_eq(m->method, S("tool_file"));
}

static status one_file(struct flow *f, struct arena *mem, struct str tenant_id,
		       const struct json *mapping, const struct file_rules *rules, struct json *out)
{
	struct made m = { .tenant_id = tenant_id, .size = -1 };
	m.method = json_get_str(mapping, S("transfer_method"));
	if (str_eq(m.method, S("local_file"))) {
		if (local_file(f, mem, tenant_id, mapping, &m))
			return -1;
	} else if (str_eq(m.method, S("remote_url"))) {
		if (remote_file(f, mem, mapping, &m))
			return -1;
	} else if (str_eq(m.method, S("tool_file"))) {
		if (tool_file(f, mem, tenant_id, mapping, &m))
			return -1;
	} else {
		return err_set(ERR_INVALID, "Invalid file transfer method: %.*s", STR(m.method));
	}
	if (settle_type(mapping, &m))
		return -1;
	if (!allowed(rules, &m))
		return err_set(ERR_INVALID, "File validation failed for file: %.*s", STR(m.filename));
	json_push(mem, out, file_object(f, mem, &m));
	return 0;
}

static bool usable(const struct json *mapping)
{
	return json_get_str(mapping, S("transfer_method")).len &&
	       (json_get_str(mapping, S("url")).len || json_get_str(mapping, S("remote_url")).len ||
		json_get_str(mapping, S("upload_file_id")).len ||
		json_get_str(mapping, S("tool_file_id")).len);
}

/* Whoever sends inputs may write such an object too: a stored file must be the workspace's own. */
static status check_object(struct flow *f, struct arena *mem, struct str tenant_id,
			   const struct json *file)
{
	struct upload *u;
	struct str id = json_get_str(file, S("related_id"));
	if (!id.len)
		return 0;
	if (str_eq(json_get_str(file, S("tenant_id")), tenant_id) && id_is_uuid(id) &&
	    upload_get(f, mem, tenant_id, id, &u) == 0)
		return 0;
	return err_set(ERR_INVALID, "Invalid upload file");
}

status files_from_input(struct flow *f, struct arena *mem, struct str tenant_id, const struct json *mappings,
			const struct file_rules *rules, struct json **out)
{
	struct json *list = json_arr(mem);
	size_t n = 0;
	json_each(mappings, m) n += usable(m);
	if (rules->number_limit && (int64_t)n > rules->number_limit)
		return err_set(ERR_INVALID, "Number of image files exceeds the maximum limit %lld",
			       (long long)rules->number_limit);
	json_each(mappings, m) {
		if (var_is_file(m)) { /* a file object: a default, or a run that is repeated */
			if (check_object(f, mem, tenant_id, m))
				return -1;
			json_push(mem, list, m);
		} else if (usable(m) && one_file(f, mem, tenant_id, m, rules, list))
			return -1;
	}
	*out = list;
	return 0;
}

/* --- content --- */

status file_check_tenant(const struct json *file, struct str tenant_id)
{
	bool stored = !str_eq(json_get_str(file, S("transfer_method")), S("remote_url"));
	if (stored && !str_eq(json_get_str(file, S("tenant_id")), tenant_id))
		return err_set(ERR_NOT_FOUND, "the file is not of this workspace");
	return 0;
}

status file_content(struct flow *f, struct arena *mem, const struct json *file, uint64_t max,
		    struct str *out)
{
	if (str_eq(json_get_str(file, S("transfer_method")), S("remote_url"))) {
		struct client_request q = { .method = HTTP_GET, .guarded = true, .redirects_max = REDIRECTS_MAX,
					    .url = json_get_str(file, S("remote_url")), .total_ms = 60000,
					    .response_max = max };
		struct client_response *r;
		if (client_fetch_again(f->options.client, mem, &q, &r))
			return -1;
		if (r->status / 100 != 2)
			return err_set(ERR_UPSTREAM, "file at %.*s: status %d", STR(q.url), r->status);
		*out = r->body;
		return 0;
	}
	struct upload *u;
	if (upload_get(f, mem, json_get_str(file, S("tenant_id")), json_get_str(file, S("related_id")), &u))
		return -1;
	return blob_get(f->options.blob, mem, u->key, max, out);
}

status file_for_model(struct flow *f, struct arena *mem, const struct json *file, struct str *url)
{
	const struct config *c = f->options.config;
	struct str bytes;
	if (c && str_eq(config_str(c, CONFIG_MULTIMODAL_SEND_FORMAT), S("url"))) {
		*url = json_get_str(file_fresh(f, mem, file), S("url"));
		return 0;
	}
	if (file_content(f, mem, file, MODEL_FILE_MAX, &bytes))
		return -1;
	*url = arena_printf(mem, "data:%.*s;base64,%.*s", STR(json_get_str(file, S("mime_type"))),
			    STR(enc_base64(mem, bytes)));
	return 0;
}
