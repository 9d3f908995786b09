/* SPDX-License-Identifier: Apache-2.0 */
/* code: client of the sandbox; see code.h. */
#include "tool/code.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/enc.h"
#include "base/err.h"
#include "base/json.h"
#include "net/client.h"

enum {
	CONNECT_MS = 10000,
	READ_MS = 60000,
	ANSWER_MAX = 64 << 20, /* both streams at their limit, escaped */
	SHOWN_MAX = 200,       /* characters of an output that holds no result */
	ERROR_SHOWN = 900,     /* bytes of an error text that a record has room for */
	DEPTH_MAX = 128,
};

#define MARK "<<RESULT>>"

struct code_service {
	struct arena *mem;
	struct client *client;
	struct str url, socket, key, profiles;
	int64_t connect_ms, read_ms;
	bool insecure;
};

/* --- profiles --- */

static const struct str profile_names[] = { S_INIT("pure"), S_INIT("data"), S_INIT("network") };

/* The next row; false at the end. */
static bool next_profile(struct str *rest, struct str *app, struct str *name)
{
	while (rest->len) {
		struct str row = str_trim(str_cut(rest, ','));
		if (!row.len)
			continue;
		*app = str_trim(str_cut(&row, '='));
		*name = str_trim(row);
		return true;
	}
	return false;
}

static status check_profiles(struct str all)
{
	struct str app, name;
	while (next_profile(&all, &app, &name)) {
		size_t i = 0;
		while (i < countof(profile_names) && !str_eq(name, profile_names[i]))
			i++;
		if (!app.len || i == countof(profile_names))
			return err_set(ERR_INVALID, "CODE_EXECUTION_PROFILES: %.*s=%.*s: use APP=pure, data or network, and * for "
						    "all other apps", STR(app), STR(name));
	}
	return 0;
}

struct str code_profile(const struct code_service *s, struct str app)
{
	struct str rest = s->profiles, row, name, others = S("");
	while (next_profile(&rest, &row, &name)) {
		if (app.len && str_eq(row, app))
			return name;
		if (str_eq(row, S("*")))
			others = name;
	}
	return others;
}

status code_open(const struct code_options *o, struct code_service **out)
{
	struct str base = o->endpoint;
	bool local = str_starts(base, S("unix:"));
	if (!local && !str_starts(base, S("http://")) && !str_starts(base, S("https://")))
		return err_set(
			ERR_INVALID,
			"CODE_EXECUTION_ENDPOINT must begin with http://, https:// or unix:, "
			"it is \"%.*s\"",
			STR(base));
	if (check_profiles(o->profiles))
		return -1;
	while (str_ends(base, S("/")))
		base.len--;
	struct arena *mem = arena_open(0);
	struct code_service *s = arena_new(mem, struct code_service);
	*s = (struct code_service){
		.mem = mem,
		.client = o->client,
		.key = arena_str(mem, o->key),
		.profiles = arena_str(mem, o->profiles),
		.socket = local ? arena_str(mem, str_skip(base, 5)) : S(""),
		.url = arena_printf(mem, "%.*s/v1/sandbox/run",
				    STR(local ? S("http://sandbox") : base)),
		.connect_ms = o->connect_ms ? o->connect_ms : CONNECT_MS,
		.read_ms = o->read_ms ? o->read_ms : READ_MS,
		.insecure = o->insecure,
	};
	*out = s;
	return 0;
}

void code_close(struct code_service *s)
{
	if (s)
		arena_close(s->mem);
}

/* --- one run --- */

static status no_sandbox(const struct code_service *s)
{
	struct err why;
	err_save(&why);
	if (why.code == ERR_CANCELLED || why.code == ERR_TIMEOUT)
		return why.code == ERR_CANCELLED
			       ? err_restore(&why)
			       : err_set(ERR_TIMEOUT, "Failed to execute code: the sandbox did not "
						      "answer in time");
	return err_set(ERR_UNAVAILABLE,
		       "Failed to execute code: no sandbox answers at %.*s, please check if it is "
		       "running (%.300s)", STR(s->socket.len ? s->socket : s->url), why.text);
}

static status read_answer(struct arena *mem, const struct client_response *r,
			  struct code_answer **out)
{
	struct json *envelope, *data;
	if (r->status == 503)
		return err_set(ERR_UNAVAILABLE,
			       "Code execution service is unavailable: the sandbox "
			       "has too much to do, try again later");
	if (r->status != 200)
		return err_set(ERR_UPSTREAM,
			       "Failed to execute code, got status code %d, please check if the "
			       "sandbox service is running%s",
			       r->status,
			       r->status == 401 ? " and takes the key in CODE_EXECUTION_API_KEY"
						: "");
	if (json_parse(mem, r->body, &envelope) || envelope->type != JSON_OBJ)
		return err_set(ERR_UPSTREAM, "Failed to parse the answer of the sandbox");
	int64_t code = json_get_int(envelope, S("code"), -1);
	if (code)
		return err_set(ERR_UPSTREAM, "Got error code: %lld. Got error msg: %.*s",
			       (long long)code, STR(json_get_str(envelope, S("message"))));
	data = json_get(envelope, S("data"));
	struct code_answer *a = arena_new(mem, struct code_answer);
	a->stdout_text = json_get_str(data, S("stdout"));
	a->error = json_get_str(data, S("error"));
	*out = a;
	return 0;
}

status code_run(struct code_service *s, struct arena *mem, enum code_language language,
		struct str code, struct str app, struct code_answer **out)
{
	struct json *body = json_obj(mem);
	struct str profile = code_profile(s, app);
	bool network = !profile.len || str_eq(profile, S("network"));
	json_set_str(mem, body, S("language"),
		     language == CODE_JAVASCRIPT ? S("nodejs") : S("python3"));
	json_set_str(mem, body, S("code"), code);
	json_set_str(mem, body, S("preload"), S(""));
	json_set_bool(mem, body, S("enable_network"), network);
	/* The last one is for our sandbox; one that does not know it sees no network at least. */
	const struct http_header headers[] = { { S("content-type"), S("application/json") },
					       { S("x-api-key"), s->key },
					       { S("x-sandbox-profile"), profile } };
	size_t last = profile.len && language != CODE_JINJA2;
	struct client_request q = {
		.method = HTTP_POST, .url = s->url, .unix_socket = s->socket, .headers = headers,
		.header_count = countof(headers) - !last, .body = json_text(mem, body, JSON_COMPACT),
		.connect_ms = s->connect_ms, .read_ms = s->read_ms, .insecure = s->insecure,
		.response_max = ANSWER_MAX,
	};
	struct client_response *r;
	if (client_fetch(s->client, mem, &q, &r))
		return no_sandbox(s);
	return read_answer(mem, r, out);
}

/* --- programs around people's code --- */

static struct str packed(struct arena *mem, const struct json *inputs)
{
	const struct json *in = inputs ? inputs : json_obj(mem);
	return enc_base64(mem, json_text(mem, in, JSON_COMPACT));
}

/* Their code stands first, so that line numbers in error texts are theirs. */
static const char python_tail[] =
	"\n"
	"import json as _json\n"
	"from base64 import b64decode as _b64decode\n"
	"_result = main(**_json.loads(_b64decode('%.*s').decode('utf-8')))\n"
	"print('" MARK "' + _json.dumps(_result, indent=4) + '" MARK "')\n";

/* A promise is waited for; its failure ends the program as any other. */
static const char javascript_tail[] =
	"\n"
	";(function () {\n"
	"const show = (v) => console.log('" MARK "' + JSON.stringify(v) + '" MARK "')\n"
	"const result = main(JSON.parse(Buffer.from('%.*s', 'base64').toString('utf-8')))\n"
	"if (result && typeof result.then === 'function') result.then(show)\n"
	"else show(result)\n"
	"})()\n";

struct str code_main_program(struct arena *mem, enum code_language language, struct str code,
			     const struct json *inputs)
{
	struct buf b = buf_make(mem, 0);
	struct str in = packed(mem, inputs);
	buf_put(&b, code);
	if (language == CODE_JAVASCRIPT)
		buf_printf(&b, javascript_tail, STR(in));
	else
		buf_printf(&b, python_tail, STR(in));
	return buf_str(&b);
}

struct str code_jinja_program(struct arena *mem, struct str template, const struct json *inputs)
{
	return arena_printf(mem,
			    "import json\n"
			    "import jinja2\n"
			    "from base64 import b64decode\n"
			    "template = b64decode('%.*s').decode('utf-8')\n"
			    "inputs = json.loads(b64decode('%.*s').decode('utf-8'))\n"
			    "print('" MARK "' + jinja2.Template(template).render(**inputs) + '" MARK
			    "')\n",
			    STR(enc_base64(mem, template)), STR(packed(mem, inputs)));
}

/* --- reading back --- */

static size_t last_mark(struct str text)
{
	size_t at = SIZE_MAX;
	for (size_t from = 0, found; (found = str_find(str_skip(text, from), S(MARK))) != SIZE_MAX;
	     from = at + 1)
		at = from + found;
	return at;
}

status code_marked(struct str text, struct str *out)
{
	size_t first = str_find(text, S(MARK)), last = last_mark(text);
	if (first == last)
		return err_set(ERR_INVALID,
			       "Failed to parse result: no result tag found in the output of the "
			       "code. Output: %.*s",
			       STR(str_sub(text, 0, utf8_prefix(text, SHOWN_MAX))));
	size_t from = first + sizeof(MARK) - 1;
	*out = from > last ? S("") : str_sub(text, from, last - from);
	return 0;
}

static size_t digits(struct str s, size_t i)
{
	while (i < s.len && s.at[i] >= '0' && s.at[i] <= '9')
		i++;
	return i;
}

/* -?\d+\.?\d*e[+-]\d+ in any case. */
static bool scientific(struct str s)
{
	size_t from = s.len && s.at[0] == '-', i = digits(s, from);
	if (i == from)
		return false;
	if (i < s.len && s.at[i] == '.')
		i = digits(s, i + 1);
	if (i + 1 >= s.len || (s.at[i] | 32) != 'e' || (s.at[i + 1] != '+' && s.at[i + 1] != '-'))
		return false;
	size_t exponent = i + 2;
	i = digits(s, exponent);
	return i > exponent && i == s.len;
}

static void read_numbers(struct json *v, int depth)
{
	double d;
	if (depth > DEPTH_MAX)
		return;
	if (v->type == JSON_STR && scientific(str_of(v->text, v->len))) {
		if (str_to_double(str_of(v->text, v->len), &d)) {
			err_clear();
			return;
		}
		*v = (struct json){ .type = JSON_FLOAT, .number = d };
	}
	json_each(v, item) read_numbers(item, depth + 1);
	json_each_member(v, m) read_numbers(&m->value, depth + 1);
}

static const char *type_name(const struct json *v)
{
	static const char *const names[] = {"NoneType", "bool", "int",  "float",
					    "str",      "list", "dict", ""};
	return names[v->type];
}

status code_result(struct arena *mem, struct str stdout_text, struct json **out)
{
	struct str text;
	struct json *v;
	if (code_marked(stdout_text, &text))
		return -1;
	if (json_parse(mem, text, &v)) {
		struct err why;
		err_save(&why);
		return err_set(ERR_INVALID,
			       "Failed to parse JSON from the result of the code: %.300s. "
			       "Result: %.*s",
			       why.text, STR(str_sub(text, 0, utf8_prefix(text, SHOWN_MAX))));
	}
	if (v->type != JSON_OBJ)
		return err_set(ERR_INVALID, "result must be a dict, got type %s", type_name(v));
	read_numbers(v, 0);
	*out = v;
	return 0;
}

status code_failed(const struct code_answer *a)
{
	struct str e = a->error;
	if (e.len <= ERROR_SHOWN)
		return err_set(ERR_INVALID, "%.*s", STR(e));
	/* The end of a traceback says what happened. */
	size_t from = e.len - ERROR_SHOWN;
	while (from < e.len && ((unsigned char)e.at[from] & 0xC0) == 0x80)
		from++;
	return err_set(ERR_INVALID, "...%.*s", STR(str_skip(e, from)));
}

status code_main(struct code_service *s, struct arena *mem, enum code_language language,
		 struct str code, const struct json *inputs, struct json **result)
{
	struct code_answer *a;
	if (code_run(s, mem, language, code_main_program(mem, language, code, inputs), S(""), &a))
		return -1;
	if (a->error.len)
		return code_failed(a);
	return code_result(mem, a->stdout_text, result);
}

status code_jinja(struct code_service *s, struct arena *mem, struct str template,
		  const struct json *inputs, struct str *out)
{
	struct code_answer *a;
	if (code_run(s, mem, CODE_JINJA2, code_jinja_program(mem, template, inputs), S(""), &a))
		return -1;
	if (a->error.len)
		return code_failed(a);
	return code_marked(a->stdout_text, out);
}
