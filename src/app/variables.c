/* SPDX-License-Identifier: Apache-2.0 */
/* variables: environment and conversation variables of a workflow (workflow.md 1.7). */
#include "app/app_int.h"

static const struct str conversation_types[] = {
	S_INIT("string"),	 S_INIT("number"),	  S_INIT("integer"), S_INIT("float"),
	S_INIT("boolean"),	 S_INIT("object"),	  S_INIT("secret"),
	S_INIT("array[string]"), S_INIT("array[number]"), S_INIT("array[object]"),
	S_INIT("array[boolean]"), S_INIT("array[any]"),	  S_INIT("file"),    S_INIT("array[file]"),
	S_INIT("any"),
};

static bool known_type(struct str type)
{
	for (size_t i = 0; i < countof(conversation_types); i++)
		if (str_eq(type, conversation_types[i]))
			return true;
	return false;
}

static status check_one(struct arena *mem, const struct json *v, struct str scope, struct json *out)
{
	if (!json_is(v, JSON_OBJ))
		return err_set(ERR_INVALID, "a variable must be an object");
	struct str name = json_get_str(v, S("name")), type = json_get_str(v, S("value_type"));
	const struct json *value = json_get(v, S("value"));
	if (!name.len)
		return err_set(ERR_INVALID, "missing name");
	if (!type.len)
		return err_set(ERR_INVALID, "missing value type");
	if (!value || value->type == JSON_NULL)
		return err_set(ERR_INVALID, "missing value");
	if (str_eq(scope, S("conversation")) && !known_type(type))
		return err_set(ERR_INVALID, "not supported value type %.*s", STR(type));
	if (json_text(mem, value, JSON_COMPACT).len > VARIABLE_SIZE_MAX)
		return err_set(ERR_INVALID, "variable %.*s exceeds the maximum size of %d bytes",
			       STR(name), VARIABLE_SIZE_MAX);
	json_each_member(v, m)
		json_set(mem, out, m->name, &m->value);
	if (!json_get_str(v, S("id")).len)
		json_set_str(mem, out, S("id"), id_uuid(mem));
	if (!json_get(v, S("description")))
		json_set_str(mem, out, S("description"), S(""));
	const struct json *selector = json_get(v, S("selector"));
	if (json_is(selector, JSON_ARR) && json_len(selector))
		return 0;
	struct json *made = json_arr(mem);
	json_push_str(mem, made, scope);
	json_push_str(mem, made, name);
	json_set(mem, out, S("selector"), made);
	return 0;
}

status variables_check(struct arena *mem, const struct json *list, struct str scope,
		       struct json **out)
{
	struct json *made = json_arr(mem);
	if (list && list->type != JSON_NULL && list->type != JSON_ARR)
		return err_set(ERR_INVALID, "%.*s variables must be a list", STR(scope));
	json_each(list, it) {
		struct json *v = json_obj(mem);
		if (check_one(mem, it, scope, v))
			return -1;
		json_push(mem, made, v);
	}
	*out = made;
	return 0;
}

static bool is_secret(const struct json *v)
{
	return str_eq(json_get_str(v, S("value_type")), S("secret"));
}

static bool means_keep(struct str value)
{
	return str_eq(value, S(WORKFLOW_SECRET_KEEP)) || str_eq(value, S(WORKFLOW_SECRET_MASK));
}

static struct str old_value(const struct json *before, const struct json *v)
{
	json_each(before, it)
		if (is_secret(it) && str_eq(json_get_str(it, S("id")), json_get_str(v, S("id"))))
			return json_get_str(it, S("value"));
	return S("");
}

struct json *variables_seal(const struct apps *a, struct arena *mem, const struct json *list,
			    const struct json *before)
{
	struct json *out = json_arr(mem);
	json_each(list, it) {
		struct json *v = json_copy(mem, it);
		if (is_secret(it)) {
			struct str plain = json_get_str(it, S("value"));
			if (before && means_keep(plain))
				plain = old_value(before, it);
			json_set_str(mem, v, S("value"),
				     plain.len ? crypt_seal(mem, a->seal_key, plain) : S(""));
		}
		json_push(mem, out, v);
	}
	return out;
}

struct json *variables_open(const struct apps *a, struct arena *mem, const struct json *stored)
{
	struct json *out = json_arr(mem);
	json_each(stored, it) {
		struct json *v = json_copy(mem, it);
		struct str sealed = json_get_str(it, S("value")), plain = S("");
		/* A text sealed under another SECRET_KEY is lost: empty, so that it can be set anew. */
		if (is_secret(it) && sealed.len && crypt_open(mem, a->seal_key, sealed, &plain))
			plain = S("");
		if (is_secret(it))
			json_set_str(mem, v, S("value"), plain);
		json_push(mem, out, v);
	}
	return out;
}
