/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/api_body.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "net/url.h"

static status text_member(const struct json *o, const char *name, const char *shown, struct str *out)
{
	const struct json *v = json_get(o, str_c(name));
	if (!v || v->type == JSON_NULL)
		return 0;
	if (v->type != JSON_STR)
		return err_set(ERR_INVALID, "%s: must be a string", shown);
	*out = json_as_str(v, S(""));
	return 0;
}

static status parse_json(struct arena *mem, struct str body, struct run_body *out)
{
	struct json *o;
	if (json_parse(mem, body, &o))
		return err_wrap("invalid JSON");
	if (!json_is(o, JSON_OBJ))
		return err_set(ERR_INVALID, "the body must be a JSON object");
	if (text_member(o, "language", "Language", &out->language) || text_member(o, "code", "Code", &out->code) ||
	    text_member(o, "preload", "Preload", &out->preload))
		return -1;
	const struct json *net = json_get(o, S("enable_network"));
	if (net && net->type != JSON_BOOL && net->type != JSON_NULL)
		return err_set(ERR_INVALID, "EnableNetwork: must be true or false");
	out->enable_network = json_as_bool(net, false);
	return 0;
}

struct form {
	struct run_body *out;
	bool bad;
};

static void form_pair(void *arg, struct str name, struct str value)
{
	struct form *f = arg;
	if (str_eq(name, S("language")))
		f->out->language = value;
	else if (str_eq(name, S("code")))
		f->out->code = value;
	else if (str_eq(name, S("preload")))
		f->out->preload = value;
	else if (str_eq(name, S("enable_network")) && value.len && str_to_bool(value, &f->out->enable_network))
		f->bad = true;
}

status run_body_parse(struct arena *mem, struct str type, struct str body, struct run_body *out, bool *json)
{
	struct str kind = str_trim(str_cut(&type, ';'));
	*out = (struct run_body){ 0 };
	*json = str_eq_nocase(kind, S("application/json"));
	if (*json) {
		if (parse_json(mem, body, out))
			return -1;
	} else {
		struct form f = { .out = out };
		query_each(mem, body, form_pair, &f);
		if (f.bad)
			return err_set(ERR_INVALID, "EnableNetwork: must be true or false");
	}
	if (!out->language.len)
		return err_set(ERR_INVALID, "Language: is required");
	if (!out->code.len)
		return err_set(ERR_INVALID, "Code: is required");
	return 0;
}
