/* SPDX-License-Identifier: Apache-2.0 */
/* server: what only this server has, under /console/api/tatara: its state and its models. */
#include "api/console/models.h"

#include "base/config.h"
#include "rt/rt.h"
#include "store/db/db.h"

status console_status(struct call *c)
{
	struct rt_stats rt;
	struct db_stats db;
	struct arena *mem = c->mem;
	struct json *o = json_obj(mem), *loop = json_obj(mem), *records = json_obj(mem);
	struct json *keep = json_obj(mem);
	rt_stats_get(&rt);
	db_stats_get(c->s->db, &db);
	bool alive = db_ping(c->s->db) == 0;
	json_set_str(mem, o, S("compatible_version"), S(API_COMPATIBLE_VERSION));
	json_set_str(mem, o, S("public_url"), web_url(c));
	json_set_str(mem, o, S("service_api_url"),
		     arena_printf(mem, "%.*s/v1", STR(service_url(c))));
	json_set_str(mem, records, S("kind"),
		     db_is_postgres(c->s->db) ? S("postgresql") : S("embedded"));
	json_set_bool(mem, records, S("alive"), alive);
	json_set_int(mem, records, S("reads"), (int64_t)db.reads);
	json_set_int(mem, records, S("commits"), (int64_t)db.commits);
	json_set_int(mem, records, S("errors"), (int64_t)db.errors);
	json_set_int(mem, records, S("waiting"), (int64_t)db.queue);
	json_set(mem, o, S("database"), records);
	json_set_int(mem, loop, S("fibers"), (int64_t)rt.fibers);
	json_set_int(mem, loop, S("fibers_peak"), (int64_t)rt.fibers_peak);
	json_set_int(mem, loop, S("timers"), (int64_t)rt.timers);
	json_set_int(mem, loop, S("stalls"), (int64_t)rt.stalls);
	json_set(mem, o, S("loop"), loop);
	json_set_int(mem, keep, S("days"), config_int(c->s->config, CONFIG_TATARA_RUN_RETENTION_DAYS));
	json_set_int(mem, keep, S("runs_of_an_app"),
		     config_int(c->s->config, CONFIG_TATARA_RUN_RETENTION_COUNT));
	json_set(mem, o, S("retention"), keep);
	return reply_json(c, 200, o);
}

static struct json *provider_short(struct arena *mem, const struct provider_info *p)
{
	struct json *o = json_obj(mem), *types = json_arr(mem);
	json_set_str(mem, o, S("id"), str_c(p->id));
	json_set_str(mem, o, S("label"), str_c(p->label_en));
	json_set_str(mem, o, S("label_ja"), str_c(p->label_ja));
	json_set_str(mem, o, S("label_zh"), str_c(p->label_zh));
	json_set_str(mem, o, S("help_url"), str_c(p->help_url));
	for (int t = 0; t < MODEL_TYPE_COUNT; t++)
		if (p->types & (1u << t))
			json_push_str(mem, types, model_type_name((enum model_type)t));
	json_set(mem, o, S("types"), types);
	json_set_bool(mem, o, S("needs_key"), p->needs_key);
	json_set_bool(mem, o, S("needs_url"), p->needs_url);
	return o;
}

static struct json *record_json(struct arena *mem, const struct model_record *r, bool is_default)
{
	struct json *o = json_obj(mem);
	json_set_str(mem, o, S("id"), r->id);
	json_set_str(mem, o, S("provider"), r->provider);
	json_set_str(mem, o, S("name"), r->name);
	json_set_str(mem, o, S("type"), model_type_name(r->type));
	json_set_str(mem, o, S("base_url"), r->base_url);
	json_set_str(mem, o, S("key_hint"), r->key_hint);
	json_set(mem, o, S("settings"), r->settings);
	json_set_bool(mem, o, S("enabled"), r->enabled);
	json_set_bool(mem, o, S("bundled"), r->bundled);
	json_set_bool(mem, o, S("default"), is_default);
	put_time(mem, o, S("created_at"), r->created_ms);
	return o;
}

status console_models(struct call *c)
{
	struct model_record *list;
	size_t n;
	struct str provider[MODEL_TYPE_COUNT] = { 0 }, name[MODEL_TYPE_COUNT] = { 0 };
	struct json *o = json_obj(c->mem), *rows = json_arr(c->mem), *providers = json_arr(c->mem);
	for (int t = 0; t < MODEL_TYPE_COUNT; t++)
		if (models_default_get(c->s->models, c->mem, c->account->tenant_id, (enum model_type)t,
				       &provider[t], &name[t]))
			return -1;
	if (models_list(c->s->models, c->mem, c->account->tenant_id, &list, &n))
		return -1;
	for (size_t i = 0; i < n; i++) {
		bool chosen = str_eq(list[i].provider, provider[list[i].type]) &&
			      str_eq(list[i].name, name[list[i].type]);
		json_push(c->mem, rows, record_json(c->mem, &list[i], chosen));
	}
	for (size_t i = 0; i < provider_infos_len; i++)
		json_push(c->mem, providers, provider_short(c->mem, provider_infos[i]));
	json_set(c->mem, o, S("data"), rows);
	json_set(c->mem, o, S("providers"), providers);
	return reply_json(c, 200, o);
}

static status read_model(struct call *c, struct model_set *s)
{
	struct str type = S("llm");
	s->provider = S("openai_api_compatible");
	if (call_body(c) || take_text(c, S("provider"), 255, &s->provider) ||
	    need_text(c, S("name"), 1, 255, &s->name) || take_text(c, S("type"), 40, &type) ||
	    take_text(c, S("base_url"), 2000, &s->base_url) ||
	    take_text(c, S("api_key"), 4000, &s->api_key))
		return -1;
	if (model_type_parse(type, &s->type))
		return err_set(ERR_INVALID, "type: must be " MODEL_TYPE_NAMES);
	s->tenant_id = c->account->tenant_id;
	s->settings = json_get(c->body, S("settings"));
	if (s->settings && s->settings->type == JSON_NULL)
		s->settings = NULL;
	return 0;
}

/* {"check": true} tries it first, {"default": true} makes it the default of its type. */
status console_model_set(struct call *c)
{
	struct model_set s = { 0 };
	struct str id;
	bool check = false, dflt = false;
	if (read_model(c, &s) || take_bool(c, S("check"), &check) ||
	    take_bool(c, S("default"), &dflt) ||
	    (check && models_check(c->s->models, c->mem, &s)) ||
	    models_set(c->s->models, c->mem, &s, &id))
		return -1;
	if (dflt && models_default_set(c->s->models, s.tenant_id, s.type, provider_resolve(s.provider),
				       s.name))
		return -1;
	return reply_pair(c, 201, "result", "success", "id", id);
}

status console_model_remove(struct call *c)
{
	if (models_remove(c->s->models, c->account->tenant_id, c->param[0]))
		return -1;
	return reply_empty(c, 204);
}

status console_model_check(struct call *c)
{
	struct model_set s = { 0 };
	if (read_model(c, &s) || models_check(c->s->models, c->mem, &s))
		return -1;
	return reply_ok(c);
}
