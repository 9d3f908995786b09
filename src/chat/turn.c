/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turn: one question and its answer. Checks first, then the run starts; conversation and message are
 * stored in one batch with its row, while the model is already asked. A chatflow runs its published graph; an easy app runs a graph of three nodes
 * made here, so that journal, stop and recovery are the same for all.
 *
 *	check -> conversation -> inputs, files -> moderation -> annotation -> prompt -> run and store
 *	-> name
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/err.h"
#include "base/id.h"
#include "chat/annotation_int.h"
#include "chat/chat_int.h"
#include "chat/prompt.h"
#include "flow/file.h"
#include "model/model.h"
#include "sql_chat.h"

enum {
	HISTORY_TOKENS_UNKNOWN = 2000, /* of a model whose context size nobody told */
	MAX_TOKENS_LEAST = 16,
	IMAGE_LIMIT_DEFAULT = 3,
};

/* What is known of a turn while it is being prepared. */
struct turn {
	struct chats *c;
	struct arena *mem;  /* of the preparation: a slow answer must not hold it */
	struct arena *keep; /* of what the caller gets */
	const struct chat_request *q;
	const struct json *config; /* after the conversation's own was considered */
	struct conversation *conv; /* NULL: a new one */
	struct json *inputs, *files;
	struct json *kept_files; /* files with the ids that the message shows */
	struct str query;
	struct prompt_out prompt;
	struct json *parameters, *features;
	int64_t now;
	struct chat_turn *out;
	struct json *variables;
	struct annotation_answer *annotation; /* answers in place of the model; or NULL */
};

static bool is_easy(const struct chat_request *q)
{
	return !str_eq(q->mode, S("advanced-chat"));
}

struct json *chat_form_variables(struct arena *mem, const struct json *config)
{
	struct json *rows = json_arr(mem);
	json_each(json_get(config, S("user_input_form")), item) {
		json_each_member(item, m) {
			if (str_eq(m->name, S("external_data_tool")) ||
			    !json_is(&m->value, JSON_OBJ))
				continue;
			struct json *row = json_obj(mem);
			json_each_member(&m->value, field) if (!str_eq(field->name, S("default")))
				json_set(mem, row, field->name, &field->value);
			json_set_str(mem, row, S("type"), m->name);
			json_push(mem, rows, row);
		}
	}
	return rows;
}

struct str chat_introduction(struct arena *mem, const struct json *config,
			     const struct json *inputs)
{
	struct str text = json_get_str(config, S("opening_statement"));
	if (!text.len)
		return S("");
	/* Here, unlike in prompts, a missing value is shown as nothing. */
	struct json *values = json_obj(mem);
	json_each_member(inputs, m) {
		if (m->value.type == JSON_NULL)
			json_set_str(mem, values, m->name, S(""));
		else
			json_set(mem, values, m->name, &m->value);
	}
	return prompt_fill(mem, text, values, NULL);
}

bool chat_file_rules(const struct json *config, struct file_rules *out)
{
	const struct json *upload = json_get(config, S("file_upload"));
	const struct json *image = json_get(upload, S("image"));
	bool enabled = json_get_bool(upload, S("enabled"), false);
	if (!enabled && !json_get_bool(image, S("enabled"), false))
		return false;
	*out = (struct file_rules){
		.types = json_get(upload, S("allowed_file_types")),
		.extensions = json_get(upload, S("allowed_file_extensions")),
		.methods = json_get(upload, S("allowed_file_upload_methods")),
		.number_limit =
			json_get_int(upload, S("number_limits"),
				     json_get_int(image, S("number_limits"), IMAGE_LIMIT_DEFAULT)),
	};
	if (!out->methods)
		out->methods = json_get(image, S("transfer_methods"));
	return true;
}

const struct json *chat_speech(const struct json *config)
{
	const struct json *s = json_get(config, S("text_to_speech"));
	bool on = json_get_bool(s, S("enabled"), false) &&
		  str_eq(json_get_str(s, S("autoPlay")), S("enabled"));
	return on ? s : NULL;
}

struct json *chat_system_json(struct arena *mem, const struct chat_system *s)
{
	struct json *o = json_obj(mem), *none = json_arr(mem);
	json_set(mem, o, S("files"), s->files ? s->files : none);
	json_set_str(mem, o, S("user_id"), s->user);
	json_set_str(mem, o, S("app_id"), s->app_id);
	json_set_str(mem, o, S("workflow_id"), s->workflow_id);
	json_set_str(mem, o, S("workflow_run_id"), s->run_id);
	if (!s->query.at) {
		json_set_int(mem, o, S("timestamp"), clock_s());
		return o;
	}
	json_set_str(mem, o, S("query"), s->query);
	json_set_str(mem, o, S("conversation_id"), s->conversation_id);
	json_set_int(mem, o, S("dialogue_count"), s->dialogue_count);
	return o;
}

static struct str without_nul(struct arena *mem, struct str t)
{
	if (str_find_char(t, '\0') == SIZE_MAX)
		return t;
	char *p = arena_text(mem, t.len);
	size_t n = 0;
	for (size_t i = 0; i < t.len; i++)
		if (t.at[i])
			p[n++] = t.at[i];
	return str_of(p, n);
}

static status find_conversation(struct turn *t)
{
	const struct chat_request *q = t->q;
	t->config = q->config;
	if (!q->conversation_id.len)
		return 0;
	if (conversation_get(t->c, t->mem, &q->scope, q->conversation_id, &t->conv))
		return -1;
	if (is_easy(q) && !q->fixed_config && t->conv->config)
		t->config = t->conv->config;
	return 0;
}

static status check_inputs(struct turn *t)
{
	const struct chat_request *q = t->q;
	/* An easy app's conversation keeps the inputs it began with. */
	if (is_easy(q) && t->conv) {
		t->inputs = t->conv->inputs;
		return 0;
	}
	const struct json *rows = is_easy(q) ? chat_form_variables(t->mem, t->config)
					     : flow_graph_variables(q->graph);
	return flow_check_inputs(t->c->flow, t->mem, q->scope.tenant_id, rows, q->inputs,
				 &t->inputs);
}

status chat_check_mappings(const struct json *mappings)
{
	static const struct str known[] = {S_INIT("remote_url"), S_INIT("local_file"),
					   S_INIT("tool_file"), S_INIT("datasource_file")};
	json_each(mappings, m) {
		struct str method = json_get_str(m, S("transfer_method"));
		bool found = !method.len;
		for (size_t i = 0; i < countof(known); i++)
			found = found || str_eq(method, known[i]);
		if (!found)
			return err_set(ERR_INVALID, "No matching enum found for value '%.*s'",
				       STR(str_sub(method, 0, 100)));
	}
	return 0;
}

static status check_files(struct turn *t)
{
	struct file_rules rules;
	t->files = json_arr(t->mem);
	if (!json_len(t->q->files) || !chat_file_rules(t->config, &rules))
		return 0;
	if (chat_check_mappings(t->q->files))
		return -1;
	if (files_from_input(t->c->flow, t->mem, t->q->scope.tenant_id, t->q->files, &rules,
			     &t->files))
		return -1;
	t->kept_files = json_copy(t->mem, t->files);
	json_each(t->kept_files, file)
		json_set_str(t->mem, file, S("message_file_id"), id_uuid(t->mem));
	return 0;
}

/* Images as the model takes them; everything else is left out, as is all when it cannot see. */
static status image_parts(struct turn *t, bool vision, struct json **out)
{
	struct json *parts = json_arr(t->mem);
	struct str detail = json_get_str(json_path(t->config, "file_upload.image"), S("detail"));
	json_each(t->files, file) {
		if (!vision || !str_eq(json_get_str(file, S("type")), S("image")))
			continue;
		struct str url;
		if (file_for_model(t->c->flow, t->mem, file, &url))
			return -1;
		struct json *image = json_obj(t->mem), *part = json_obj(t->mem);
		json_set_str(t->mem, image, S("url"), url);
		json_set_str(t->mem, image, S("detail"), detail.len ? detail : S("low"));
		json_set_str(t->mem, part, S("type"), S("image_url"));
		json_set(t->mem, part, S("image_url"), image);
		json_push(t->mem, parts, part);
	}
	*out = parts;
	return 0;
}

static int64_t tokens_of(const struct json *messages)
{
	int64_t sum = 0;
	json_each(messages, m)
		sum += memory_tokens(json_get_str(m, S("content")));
	return sum;
}

static status load_history(struct turn *t, const struct model_features *f, int64_t prompt_tokens,
			   struct json **out)
{
	*out = json_arr(t->mem);
	if (!t->conv || str_eq(t->q->mode, S("completion")))
		return 0;
	int64_t budget = HISTORY_TOKENS_UNKNOWN;
	if (f->context_size) {
		budget = f->context_size - prompt_tokens -
			 json_get_int(t->parameters, S("max_tokens"), 0);
		budget = MAX(budget, 1);
	}
	struct memory_options o = {.tenant_id = t->q->scope.tenant_id,
				   .conversation_id = t->conv->id,
				   .except_message_id = t->out->message_id,
				   .tokens = budget,
				   .with_files = f->vision};
	return memory_load(t->c, t->mem, &o, out);
}

/* A prompt that leaves less room than asked for gets what is left (8.1 step 8). */
static void lower_max_tokens(struct turn *t, const struct model_features *f)
{
	int64_t asked = json_get_int(t->parameters, S("max_tokens"), 0);
	int64_t left = f->context_size - tokens_of(t->prompt.messages);
	if (f->context_size && asked && asked > left)
		json_set_int(t->mem, t->parameters, S("max_tokens"), MAX(left, MAX_TOKENS_LEAST));
}

static void merge_stops(struct turn *t)
{
	const struct json *given = json_get(t->parameters, S("stop"));
	if (!json_len(given) && t->prompt.stop)
		json_set(t->mem, t->parameters, S("stop"), t->prompt.stop);
}

static status build_prompt(struct turn *t)
{
	const struct json *model = json_get(t->config, S("model"));
	struct model_features f;
	if (models_features(t->c->models, t->mem, t->q->scope.tenant_id,
			    json_get_str(model, S("provider")), json_get_str(model, S("name")), &f))
		return -1;
	const struct json *given = json_get(model, S("completion_params"));
	t->parameters = json_is(given, JSON_OBJ) ? json_copy(t->mem, given) : json_obj(t->mem);
	struct prompt_in in = {.config = t->config,
			       .inputs = t->inputs,
			       .query = t->query,
			       .chat_app = !str_eq(t->q->mode, S("completion"))};
	struct json *images, *history;
	if (image_parts(t, f.vision, &images))
		return -1;
	in.images = images;
	struct prompt_out without = {0};
	if (prompt_build(t->mem, &in, &without) ||
	    load_history(t, &f, tokens_of(without.messages), &history))
		return -1;
	in.history = history;
	if (prompt_build(t->mem, &in, &t->prompt))
		return -1;
	merge_stops(t);
	lower_max_tokens(t, &f);
	return 0;
}

/* One for all easy apps; what the model is asked comes with the run. */
static const char easy_graph[] =
	"{\"nodes\":["
	"{\"id\":\"start\",\"data\":{\"type\":\"start\",\"title\":\"Start\",\"variables\":[]}},"
	"{\"id\":\"model\",\"data\":{\"type\":\"model-call\",\"title\":\"Model\"}},"
	"{\"id\":\"answer\",\"data\":{\"type\":\"answer\",\"title\":\"Answer\","
	"\"answer\":\"{{#model.text#}}\"}}],"
	"\"edges\":["
	"{\"id\":\"start-model\",\"source\":\"start\",\"target\":\"model\","
	"\"sourceHandle\":\"source\",\"targetHandle\":\"target\"},"
	"{\"id\":\"model-answer\",\"source\":\"model\",\"target\":\"answer\","
	"\"sourceHandle\":\"source\",\"targetHandle\":\"target\"}]}";

static struct json *easy_call(struct turn *t)
{
	const struct json *model = json_get(t->config, S("model"));
	struct json *call = json_obj(t->mem);
	if (str_eq(t->q->mode, S("agent-chat")))
		return agent_call(t->mem, t->config, t->prompt.messages, t->parameters);
	json_set(t->mem, call, S("provider"), json_get(model, S("provider")));
	json_set(t->mem, call, S("name"), json_get(model, S("name")));
	json_set_str(t->mem, call, S("mode"), t->prompt.completion ? S("completion") : S("chat"));
	json_set(t->mem, call, S("messages"), t->prompt.messages);
	json_set(t->mem, call, S("parameters"), t->parameters);
	return call;
}

/* The prompt as the console's log shows it: text and, apart, images. */
static struct json *shown_prompt(struct arena *mem, const struct json *messages)
{
	struct json *out = json_arr(mem);
	json_each(messages, m) {
		struct json *row = json_obj(mem), *files = json_arr(mem);
		const struct json *content = json_get(m, S("content"));
		struct str text = json_as_str(content, S(""));
		json_each(content, part) if (str_eq(json_get_str(part, S("type")), S("text")))
			text = json_get_str(part, S("text"));
		json_set(mem, row, S("role"), json_get(m, S("role")));
		json_set_str(mem, row, S("text"), text);
		json_set(mem, row, S("files"), files);
		json_push(mem, out, row);
	}
	return out;
}

static struct str compact(struct arena *mem, const struct json *v)
{
	return json_text(mem, v, JSON_COMPACT);
}

static void store_conversation(struct turn *t, struct db_batch *b)
{
	const struct chat_request *q = t->q;
	struct arena *mem = t->mem;
	if (t->conv) {
		DB_ADD(b, &sql_chat_conversation_next_turn, 1, db_text(q->scope.tenant_id),
		       db_text(t->conv->id), db_int(t->now));
		return;
	}
	struct str name = q->auto_name ? name_of_query(mem, t->query) : S("New conversation");
	struct str config = is_easy(q) ? compact(mem, t->config) : (struct str){0};
	DB_ADD(b, &sql_chat_conversation_add, DB_ANY, db_text(t->out->conversation_id),
	       CHAT_OWNER(&q->scope), db_text(q->mode), db_text(name), db_int(0),
	       db_text(chat_introduction(mem, t->config, t->inputs)),
	       db_text(compact(mem, t->inputs)), db_text_or_null(config), db_text(q->from),
	       CHAT_USER(&q->scope), db_int(t->now));
}

static void store_message(struct turn *t, struct db_batch *b)
{
	const struct chat_request *q = t->q;
	struct arena *mem = t->mem;
	struct json *prompt =
		t->prompt.messages ? shown_prompt(mem, t->prompt.messages) : json_arr(mem);
	bool with_run = !is_easy(q) && !t->out->direct.at;
	DB_ADD(b, &sql_chat_message_add, DB_ANY, db_text(t->out->message_id), CHAT_OWNER(&q->scope),
	       db_text(t->out->conversation_id), db_text(q->mode), db_text(compact(mem, t->inputs)),
	       db_text(t->query), db_text(compact(mem, prompt)),
	       db_text(compact(mem, t->kept_files ? t->kept_files : t->files)),
	       db_text_or_null(q->parent_message_id),
	       db_text_or_null(with_run ? t->out->run_id : (struct str){0}), db_text(q->from),
	       CHAT_USER(&q->scope), db_int(t->now));
	json_each(t->kept_files, file)
		if (str_eq(json_get_str(file, S("transfer_method")), S("local_file")))
			DB_ADD(b, &sql_chat_message_file_add, DB_ANY, db_text(json_get_str(file,
			       S("message_file_id"))), CHAT_OWNER(&q->scope),
			       db_text(t->out->message_id), db_text(json_get_str(file,
			       S("related_id"))), db_int(t->now));
}

/* The answer of a turn without a run. */
static void store_answer(struct turn *t, struct db_batch *b)
{
	const struct chat_request *q = t->q;
	struct json *metadata = chat_metadata(t->mem, q->mode, NULL);
	if (t->annotation) {
		json_set(t->mem, metadata, S("annotation_reply"), t->out->annotation);
		annotation_batch_hit(t->mem, b, q, t->annotation, t->out, t->now);
	}
	DB_ADD(b, &sql_chat_message_finish, 1, db_text(q->scope.tenant_id),
	       db_text(t->out->message_id), db_text(t->out->direct), db_text(S("normal")),
	       db_null(), db_int(0), db_int(0), db_text(S("0")), db_text(S("USD")), db_float(0),
	       db_text(compact(t->mem, metadata)), db_int(t->now), db_null());
}

static struct db_batch *rows_of(struct turn *t)
{
	struct db_batch *b = db_batch_open(t->mem);
	store_conversation(t, b);
	store_message(t, b);
	if (!is_easy(t->q) && !t->conv)
		t->variables = variable_define(t->mem, b, &t->q->scope, t->out->conversation_id,
					       t->q->conversation, t->now);
	return b;
}

static status not_stored(void)
{
	/* Removed between the check and now. */
	return err_code() == ERR_STALE ? err_set(ERR_NOT_FOUND, "Conversation Not Exists.") : -1;
}

/* A turn without a run: its answer is known. */
static status store_direct(struct turn *t)
{
	struct db_batch *b = rows_of(t);
	store_answer(t, b);
	return db_commit(t->c->db, b) ? not_stored() : 0;
}

static struct json *extra_of(struct turn *t)
{
	struct json *extra = json_obj(t->mem);
	json_set_str(t->mem, extra, S("from"), t->q->from);
	if (t->q->version.len)
		json_set_str(t->mem, extra, S("version"), t->q->version);
	if (t->q->created_by)
		json_set(t->mem, extra, S("created_by"), t->q->created_by);
	if (t->out->moderation)
		json_set(t->mem, extra, S("moderation"),
			 moderation_json(t->mem, t->out->moderation));
	return extra;
}

static status start_run(struct turn *t, struct flow_graph *graph, const struct json *call)
{
	const struct chat_request *q = t->q;
	struct db_batch *rows = rows_of(t);
	struct chat_system sys = {.user = q->scope.user.session,
				  .app_id = q->scope.app_id,
				  .workflow_id = q->workflow_id,
				  .run_id = t->out->run_id,
				  .query = t->query,
				  .conversation_id = t->out->conversation_id,
				  .files = t->files,
				  .dialogue_count = t->conv ? t->conv->dialogue_count + 1 : 1};
	struct flow_start start = {
		.info = {.run_id = t->out->run_id,
			 .task_id = t->out->task_id,
			 .tenant_id = q->scope.tenant_id,
			 .app_id = q->scope.app_id,
			 .workflow_id = q->workflow_id,
			 .app_mode = q->mode,
			 .from = str_eq(q->from, S("debugger")) ? S("debugging") : S("app-run"),
			 .created_by = q->scope.user.id,
			 .by_account = q->scope.user.by_account,
			 .user = q->scope.user.session,
			 .conversation_id = t->out->conversation_id,
			 .message_id = t->out->message_id,
			 .extra = extra_of(t),
			 .created_ms = t->now},
		.graph = graph,
		.with = rows,
		.inputs = is_easy(q) ? json_obj(t->mem) : t->inputs,
		.system = chat_system_json(t->mem, &sys),
		.environment = q->environment,
		.conversation = t->variables,
		.call = call,
		.texts_first = is_easy(q) && !str_eq(q->mode, S("agent-chat")),
	};
	struct str run_id;
	return flow_run_start(t->c->flow, t->mem, &start, &run_id) ? not_stored() : 0;
}

static status run_easy(struct turn *t)
{
	struct json *graph;
	if (!t->c->easy_graph && (json_parse(t->mem, str_c(easy_graph), &graph) ||
				  flow_graph_load(t->c->flow, S("easy app"), graph, &t->c->easy_graph)))
		return -1;
	return start_run(t, t->c->easy_graph, easy_call(t));
}

static status run_chatflow(struct turn *t)
{
	if (t->conv && variable_prepare(t->c, t->mem, &t->q->scope, t->conv->id, t->q->conversation,
					&t->variables))
		return -1;
	return start_run(t, t->q->graph, NULL);
}

/* An annotation in place of the model's answer; completions have none. */
static status find_annotation(struct turn *t)
{
	if (str_eq(t->q->mode, S("completion")))
		return 0;
	if (annotation_find(t->c, t->mem, &t->q->scope, t->query, &t->annotation))
		return -1;
	if (!t->annotation)
		return 0;
	t->out->direct = arena_str(t->keep, t->annotation->annotation.content);
	t->out->annotation = json_copy(t->keep, annotation_json(t->mem, t->annotation));
	return 0;
}

static status prepare(struct turn *t)
{
	if (!t->query.len && !str_eq(t->q->mode, S("completion")))
		return err_set(ERR_INVALID, "query is required");
	if (find_conversation(t) || check_inputs(t) || check_files(t))
		return -1;
	if (t->conv)
		t->out->conversation_id = arena_str(t->keep, t->conv->id);
	t->out->moderation = moderation_load(t->keep, t->config);
	if (chat_speech(t->config))
		t->out->speech = json_copy(t->keep, chat_speech(t->config));
	t->out->direct = moderation_input(t->mem, t->out->moderation, t->inputs, t->query);
	if (!t->out->direct.at && find_annotation(t))
		return -1;
	return is_easy(t->q) && !t->out->direct.at ? build_prompt(t) : 0;
}

status chat_turn(struct chats *c, struct arena *mem, const struct chat_request *q,
		 struct chat_turn **out)
{
	AUTO(arena) work = {arena_open(0)};
	struct turn t = {.c = c,
			 .mem = work.p,
			 .keep = mem,
			 .q = q,
			 .query = without_nul(work.p, q->query),
			 .now = clock_ms()};
	struct chat_turn *o = arena_new(mem, struct chat_turn);
	*o = (struct chat_turn){.mode = q->mode,
				.run_id = id_uuid7(mem),
				.task_id = id_uuid7(mem),
				.message_id = id_uuid7(mem),
				.conversation_id = id_uuid7(mem),
				.created_ms = t.now};
	t.out = o;
	if (prepare(&t))
		return -1;
	if (o->direct.at ? store_direct(&t) : is_easy(q) ? run_easy(&t) : run_chatflow(&t))
		return -1;
	if (!t.conv && q->auto_name && !str_eq(q->mode, S("completion")))
		name_later(c, q->scope.tenant_id, o->conversation_id, t.query);
	*out = o;
	return 0;
}
