/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upload: files into the store, piece by piece, and out of it again. A file is never whole in
 * memory. What is refused is read to its end, so that the client sees the answer.
 */
#include <unistd.h>

#include "account/account.h"
#include "api/service/service.h"
#include "app/app.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/enc.h"
#include "base/err.h"
#include "base/id.h"
#include "flow/file.h"
#include "store/blob/blob.h"

enum {
	PIECE = 16 << 10,
	NAME_MAX_CHARS = 200,
	MIB = 1 << 20,
	FORM_SPARE = 1 << 20,
	USER_MAX = 4096
};

/* What the form brought. */
struct upload_form {
	struct upload_new file;
	struct str user;
	bool has_file, named, typed, too_large;
	int files;
};

static int64_t limit_of(struct call *c, struct str extension)
{
	struct str kind = file_type_of(arena_printf(c->mem, ".%.*s", STR(extension)));
	enum config_key key = CONFIG_UPLOAD_FILE_SIZE_LIMIT;
	if (str_eq(kind, S("image")))
		key = CONFIG_UPLOAD_IMAGE_FILE_SIZE_LIMIT;
	else if (str_eq(kind, S("video")))
		key = CONFIG_UPLOAD_VIDEO_FILE_SIZE_LIMIT;
	else if (str_eq(kind, S("audio")))
		key = CONFIG_UPLOAD_AUDIO_FILE_SIZE_LIMIT;
	return config_int(c->s->config, key) * MIB;
}

static uint64_t form_limit(struct call *c)
{
	static const enum config_key keys[] = {
		CONFIG_UPLOAD_FILE_SIZE_LIMIT, CONFIG_UPLOAD_IMAGE_FILE_SIZE_LIMIT,
		CONFIG_UPLOAD_VIDEO_FILE_SIZE_LIMIT, CONFIG_UPLOAD_AUDIO_FILE_SIZE_LIMIT};
	int64_t most = 0;
	for (size_t i = 0; i < countof(keys); i++)
		most = MAX(most, config_int(c->s->config, keys[i]));
	return (uint64_t)most * MIB + FORM_SPARE;
}

static struct str lower(struct arena *mem, struct str t)
{
	char *p = arena_text(mem, t.len);
	for (size_t i = 0; i < t.len; i++)
		p[i] = t.at[i] >= 'A' && t.at[i] <= 'Z' ? (char)(t.at[i] + 32) : t.at[i];
	return str_of(p, t.len);
}

static struct str extension_of(struct arena *mem, struct str name)
{
	size_t dot = str_rfind_char(name, '.');
	return dot == SIZE_MAX ? S("") : lower(mem, str_skip(name, dot + 1));
}

/* Of the list without dots, "exe,bat"; empty = nothing is forbidden. */
static bool forbidden(struct call *c, struct str extension)
{
	struct str list = config_str(c->s->config, CONFIG_UPLOAD_FILE_EXTENSION_BLACKLIST);
	while (extension.len && list.at) {
		struct str one = str_trim(str_cut(&list, ','));
		if (str_starts(one, S(".")))
			one = str_skip(one, 1);
		if (str_eq_nocase(one, extension))
			return true;
	}
	return false;
}

static status check_name(struct call *c, struct upload_new *f)
{
	for (size_t i = 0; i < f->name.len; i++)
		if (f->name.at[i] == '/' || f->name.at[i] == '\\' ||
		    (unsigned char)f->name.at[i] < 0x20)
			return err_set(ERR_INVALID, "Filename contains invalid characters");
	if (!utf8_valid(f->name))
		return err_set(ERR_INVALID, "Filename contains invalid characters");
	f->extension = extension_of(c->mem, f->name);
	if (utf8_count(f->name) > NAME_MAX_CHARS)
		f->name =
			arena_printf(c->mem, "%.*s.%.*s",
				     STR(str_sub(f->name, 0, utf8_prefix(f->name, NAME_MAX_CHARS))),
				     STR(f->extension));
	if (forbidden(c, f->extension))
		return err_public(ERR_INVALID, "file_extension_blocked", 400,
				  "File extension '.%.*s' is not allowed for security reasons.",
				  STR(f->extension));
	return 0;
}

/* Characters that a key of the store may have; others leave the extension out of the key. */
static bool plain_extension(struct str e)
{
	for (size_t i = 0; i < e.len; i++)
		if (!((e.at[i] >= 'a' && e.at[i] <= 'z') || (e.at[i] >= '0' && e.at[i] <= '9')))
			return false;
	return e.len > 0 && e.len <= 16;
}

static status store_part(struct call *c, struct multipart *form, struct upload_form *f)
{
	struct upload_new *u = &f->file;
	u->id = id_uuid(c->mem);
	u->key = arena_printf(c->mem, "upload_files/%.*s/%.*s", STR(u->tenant_id), STR(u->id));
	if (plain_extension(u->extension))
		u->key = arena_printf(c->mem, "%.*s.%.*s", STR(u->key), STR(u->extension));
	AUTO(blob_writer) w = {NULL};
	if (blob_create(c->s->blob, u->key, &w.p))
		return -1;
	int64_t limit = limit_of(c, u->extension);
	char *piece = arena_text(c->mem, PIECE);
	for (size_t n;;) {
		if (multipart_read(form, piece, PIECE, &n))
			return -1;
		if (!n)
			break;
		u->size += (int64_t)n;
		f->too_large = u->size > limit;
		if (f->too_large)
			return 0; /* dropped; multipart_next skips the rest */
		if (blob_add(w.p, str_of(piece, n)))
			return -1;
	}
	uint64_t size;
	return blob_finish(take(w.p), &size);
}

static status take_file(struct call *c, struct multipart *form, const struct part *p,
			struct upload_form *f)
{
	f->files++;
	if (!str_eq(p->name, S("file")) || f->has_file)
		return 0;
	f->has_file = true;
	f->named = p->filename.len > 0;
	f->typed = p->has_type && p->type.len > 0;
	if (!f->named || !f->typed)
		return 0;
	f->file.name = arena_str(c->mem, p->filename);
	struct str type = p->type;
	f->file.mime_type = lower(c->mem, str_trim(str_cut(&type, ';')));
	return check_name(c, &f->file) || store_part(c, form, f) ? -1 : 0;
}

static status read_form(struct call *c, struct upload_form *f)
{
	struct multipart *form;
	if (!str_starts(lower(c->mem, http_header(c->http, S("Content-Type"))),
			S("multipart/form-data")))
		return 0;
	if (multipart_open(c->http, &form))
		return -1;
	for (struct part *p;;) {
		if (multipart_next(form, &p))
			return -1;
		if (!p)
			return 0;
		if (p->filename.at) {
			if (take_file(c, form, p, f))
				return -1;
		} else if (str_eq(p->name, S("user")) && multipart_text(form, USER_MAX, &f->user)) {
			return -1;
		}
	}
}

static status check_form(const struct upload_form *f)
{
	if (!f->has_file)
		return err_public(ERR_INVALID, "no_file_uploaded", 400, "Please upload your file.");
	if (f->files > 1)
		return err_public(ERR_INVALID, "too_many_files", 400, "Only one file is allowed.");
	if (!f->named)
		return err_public(ERR_INVALID, "no_file_uploaded", 400, "Please upload your file.");
	if (!f->typed)
		return err_public(ERR_UNSUPPORTED, "unsupported_file_type", 415,
				  "File type not allowed.");
	if (f->too_large)
		return err_public(ERR_TOO_LARGE, "file_too_large", 413, "File size exceeded.");
	return 0;
}

static void drop_file(struct call *c, const struct upload_form *f)
{
	struct err why;
	err_save(&why);
	struct shield shield = shield_begin(5000);
	if (f->file.key.len && blob_remove(c->s->blob, f->file.key))
		err_clear(); /* an orphan is found by the cleaning job; the first failure counts */
	shield_end(shield);
	(void)err_restore(&why);
}

static struct json *shape_upload(struct call *c, const struct upload_new *u)
{
	struct arena *mem = c->mem;
	struct json *o = json_obj(mem);
	json_set_str(mem, o, S("id"), u->id);
	json_set_str(mem, o, S("name"), u->name);
	json_set_int(mem, o, S("size"), u->size);
	json_set_str(mem, o, S("extension"), u->extension);
	json_set_str(mem, o, S("mime_type"), u->mime_type);
	json_set_str(mem, o, S("created_by"), u->created_by);
	json_set_int(mem, o, S("created_at"), clock_s());
	json_set_null(mem, o, S("preview_url"));
	json_set_str(mem, o, S("source_url"), file_signed_url(c->s->flow, mem, u->id));
	json_set_null(mem, o, S("original_url"));
	json_set_null(mem, o, S("user_id"));
	json_set_str(mem, o, S("tenant_id"), u->tenant_id);
	json_set_null(mem, o, S("conversation_id"));
	json_set_null(mem, o, S("file_key"));
	json_set_null(mem, o, S("reference"));
	return o;
}

/* The person of the console, or the end user whom key or passport stands for. */
static status find_owner(struct call *c, struct upload_form *f)
{
	f->file.by_account = c->account != NULL;
	if (c->account) {
		f->file.created_by = c->account->id;
		return 0;
	}
	if (!c->end_user && call_end_user(c, f->user, false))
		return -1;
	f->file.created_by = c->end_user->id;
	return 0;
}

static status keep_upload(struct call *c, struct upload_form *f)
{
	c->http->body_limit = form_limit(c);
	if (read_form(c, f) || check_form(f) || find_owner(c, f) ||
	    upload_add(c->s->flow, c->mem, &f->file)) {
		drop_file(c, f);
		return -1;
	}
	return reply_json(c, 201, shape_upload(c, &f->file));
}

status upload_file(struct call *c)
{
	struct upload_form f = {0};
	f.file.tenant_id = c->app->tenant_id;
	f.file.app_id = c->app->id;
	return keep_upload(c, &f);
}

status upload_console_file(struct call *c)
{
	struct upload_form f = {0};
	f.file.tenant_id = c->account->tenant_id;
	return keep_upload(c, &f);
}

/* --- out again --- */

/* One range "bytes=a-b"; false: send all. *bad: it lies outside. */
static bool read_range(struct str h, uint64_t size, uint64_t *from, uint64_t *to, bool *bad)
{
	*bad = false;
	if (!str_starts(h, S("bytes=")) || str_find_char(h, ',') != SIZE_MAX)
		return false;
	struct str rest = str_skip(h, 6), first = str_trim(str_cut(&rest, '-'));
	uint64_t a = 0, b = 0;
	rest = str_trim(rest);
	if ((first.len && str_to_u64(first, &a)) || (rest.len && str_to_u64(rest, &b)) ||
	    (!first.len && !rest.len))
		return false;
	if (!first.len) {
		*bad = !b || !size;
		a = b < size ? size - b : 0;
		b = size ? size - 1 : 0;
	} else {
		b = rest.len && b < size ? b : size - 1;
		*bad = a >= size || a > b;
	}
	*from = a;
	*to = b;
	return true;
}

static bool is_media(struct str type)
{
	return str_starts(type, S("audio/")) || str_starts(type, S("video/"));
}

/* What a browser would run as a page of ours. */
static bool is_active(const struct upload *u)
{
	return str_starts(u->mime_type, S("text/html")) || str_has(u->mime_type, S("xhtml")) ||
	       str_has(u->mime_type, S("svg")) || str_has(u->mime_type, S("xml")) ||
	       str_has(u->mime_type, S("javascript")) || str_eq_nocase(u->extension, S("html")) ||
	       str_eq_nocase(u->extension, S("htm")) || str_eq_nocase(u->extension, S("svg"));
}

struct str upload_disposition(struct call *c, struct str name)
{
	struct buf b = buf_make(c->mem, 0);
	buf_puts(&b, "attachment; filename*=UTF-8''");
	enc_percent(&b, name, "");
	return buf_str(&b);
}

status send_upload(struct call *c, const struct upload *u, bool attachment)
{
	AUTO(fd) f = {-1};
	uint64_t size;
	if (blob_fd(c->s->blob, u->key, &f.n, &size)) {
		if (err_code() == ERR_NOT_FOUND)
			return err_public(ERR_NOT_FOUND, "file_not_found", 404,
					  "The requested file was not found.");
		return -1;
	}
	struct str type = u->mime_type.len ? u->mime_type : S("application/octet-stream");
	http_add_header(c->http, S("Cache-Control"), S("public, max-age=3600"));
	http_add_header(c->http, S("X-Content-Type-Options"), S("nosniff"));
	/* Whatever a browser takes it for, it is no page of ours: no scripts, no origin. */
	http_add_header(c->http, S("Content-Security-Policy"), S("default-src 'none'; sandbox"));
	if (attachment || is_active(u)) {
		http_add_header(c->http, S("Content-Disposition"), upload_disposition(c, u->name));
		type = S("application/octet-stream");
	}
	if (!is_media(u->mime_type))
		return http_reply_fd(c->http, 200, type, f.n, 0, (int64_t)size);
	uint64_t from = 0, to = 0;
	bool bad;
	http_add_header(c->http, S("Accept-Ranges"), S("bytes"));
	if (!read_range(http_header(c->http, S("Range")), size, &from, &to, &bad))
		return http_reply_fd(c->http, 200, type, f.n, 0, (int64_t)size);
	if (bad) {
		http_add_header(c->http, S("Content-Range"),
				arena_printf(c->mem, "bytes */%llu", (unsigned long long)size));
		return http_reply(c->http, 416, (struct str){0}, S(""));
	}
	http_add_header(c->http, S("Content-Range"),
			arena_printf(c->mem, "bytes %llu-%llu/%llu", (unsigned long long)from,
				     (unsigned long long)to, (unsigned long long)size));
	return http_reply_fd(c->http, 206, type, f.n, (int64_t)from, (int64_t)(to - from + 1));
}

status service_preview(struct call *c)
{
	bool ours, others;
	struct upload *u;
	struct str flag = http_query(c->http, S("as_attachment"));
	bool attachment = false;
	if (flag.len && str_to_bool(flag, &attachment))
		return err_set(ERR_INVALID, "as_attachment: Input should be a valid boolean");
	if (message_uses_file(c->s->chats, c->mem, c->app->tenant_id, c->app->id, c->param[0],
			      &ours, &others))
		return -1;
	if (!ours && others)
		return err_public(ERR_DENIED, "file_access_denied", 403,
				  "File access denied: not owned by requesting app");
	if (!ours)
		return err_public(ERR_NOT_FOUND, "file_not_found", 404,
				  "File not found in message context");
	if (upload_get(c->s->flow, c->mem, c->app->tenant_id, c->param[0], &u))
		return err_code() == ERR_NOT_FOUND
			       ? err_public(ERR_NOT_FOUND, "file_not_found", 404,
					    "The requested file was not found.")
			       : -1;
	return send_upload(c, u, attachment);
}
