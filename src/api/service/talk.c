/* SPDX-License-Identifier: Apache-2.0 */
/* talk: conversations, messages, feedback and variables of the calling user. */
#include "account/account.h"
#include "api/service/service.h"
#include "app/app.h"
#include "base/arena.h"
#include "base/err.h"

enum { PAGE_DEFAULT = 20, PAGE_MAX = 100 };

static status read_order(struct call *c, struct conversation_page *p)
{
	struct str sort = http_query(c->http, S("sort_by"));
	if (!sort.at)
		sort = S("-updated_at");
	p->ascending = !str_starts(sort, S("-"));
	struct str field = p->ascending ? sort : str_skip(sort, 1);
	p->by_created = str_eq(field, S("created_at"));
	if (!p->by_created && !str_eq(field, S("updated_at")))
		return err_set(ERR_INVALID, "sort_by: Input should be 'created_at', '-created_at', "
					    "'updated_at' or '-updated_at'");
	return 0;
}

status talk_conversations(struct call *c, int pinned)
{
	struct conversation_page p = {.pinned = pinned};
	struct conversation *rows;
	size_t n;
	bool more;
	if (need_chat_app(c) || query_uuid(c, S("last_id"), false, &p.last_id) ||
	    call_query_int(c, S("limit"), PAGE_DEFAULT, 1, PAGE_MAX, &p.limit) ||
	    read_order(c, &p) || need_query_user(c, false))
		return -1;
	struct chat_scope scope = call_scope(c);
	if (conversation_list(c->s->chats, c->mem, &scope, &p, &rows, &n, &more))
		return -1;
	struct json *data = json_arr(c->mem);
	for (size_t i = 0; i < n; i++)
		json_push(c->mem, data, shape_conversation(c->mem, &rows[i]));
	return reply_json(c, 200, shape_page(c->mem, p.limit, more, data));
}

status talk_rename(struct call *c)
{
	struct str name;
	struct conversation *conv;
	if (need_body_user(c, false) || need_chat_app(c) || body_text(c, S("name"), &name))
		return -1;
	bool generate = json_get_bool(c->body, S("auto_generate"), false);
	if (!generate && !str_trim(name).len)
		return err_set(ERR_INVALID, "name is required when auto_generate is false");
	struct chat_scope scope = call_scope(c);
	if (generate ? conversation_generate_name(c->s->chats, c->mem, &scope, c->param[0], &conv)
		     : conversation_rename(c->s->chats, c->mem, &scope, c->param[0], str_trim(name),
					   &conv))
		return -1;
	return reply_json(c, 200, shape_conversation(c->mem, conv));
}

status talk_messages(struct call *c)
{
	struct str conversation_id, first_id;
	int64_t limit;
	struct conversation *conv;
	struct message *rows;
	size_t n;
	bool more;
	if (need_chat_app(c) || query_uuid(c, S("conversation_id"), true, &conversation_id) ||
	    query_uuid(c, S("first_id"), false, &first_id) ||
	    call_query_int(c, S("limit"), PAGE_DEFAULT, 1, PAGE_MAX, &limit) ||
	    need_query_user(c, false))
		return -1;
	struct chat_scope scope = call_scope(c);
	if (conversation_get(c->s->chats, c->mem, &scope, conversation_id, &conv) ||
	    message_list(c->s->chats, c->mem, scope.tenant_id, scope.app_id, conv->id, first_id,
			 limit, &rows, &n, &more))
		return -1;
	struct json *data = json_arr(c->mem);
	for (size_t i = 0; i < n; i++)
		json_push(c->mem, data, shape_message(c, &rows[i]));
	return reply_json(c, 200, shape_page(c->mem, limit, more, data));
}

status talk_feedback(struct call *c)
{
	struct str rating, content;
	struct message *m;
	if (need_body_user(c, true) || body_text(c, S("rating"), &rating) ||
	    body_text(c, S("content"), &content))
		return -1;
	if (rating.at && !str_eq(rating, S("like")) && !str_eq(rating, S("dislike")))
		return err_set(ERR_INVALID, "rating: Input should be 'like' or 'dislike'");
	struct chat_scope scope = call_scope(c);
	if (message_get(c->s->chats, c->mem, &scope, c->param[0], &m) ||
	    feedback_set(c->s->chats, c->mem, &scope, m, rating, content, false))
		return -1;
	return reply_ok(c);
}

status talk_suggested(struct call *c, struct json **out)
{
	struct message *m;
	const struct json *features;
	if (need_query_user(c, true) || need_chat_app(c))
		return -1;
	struct chat_scope scope = call_scope(c);
	if (message_get(c->s->chats, c->mem, &scope, c->param[0], &m) || app_features(c, &features))
		return -1;
	if (!json_get_bool(json_get(features, S("suggested_questions_after_answer")), S("enabled"),
			   false))
		return err_set(ERR_BAD_REQUEST, "Suggested Questions Is Disabled.");
	return chat_suggest(c->s->chats, c->mem, &scope, m, out);
}
