/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/starter.h"

#include "account/account.h"
#include "api/api.h"
#include "app/app.h"
#include "base/arena.h"
#include "model/starter.h"

static status find_starter(struct services *s, struct arena *mem, struct str tenant, struct app **out)
{
	struct app_list q = { .mode = S("chat"), .name = S(STARTER_NAME), .page = 1, .limit = 100 };
	struct app *list;
	size_t n;
	int64_t total;
	*out = NULL;
	if (app_list(s->apps, mem, tenant, &q, &list, &n, &total))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i].name, S(STARTER_NAME)))
			*out = &list[i];
	return 0;
}

status starter_create(struct services *s, struct arena *mem, struct str *app_id, struct str *token)
{
	struct str tenant;
	struct account *owner;
	struct app *app;
	struct api_key *keys, *made;
	size_t n;
	if (tenant_first(s->accounts, mem, &tenant) || account_owner(s->accounts, mem, tenant, &owner) ||
	    find_starter(s, mem, tenant, &app))
		return -1;
	struct app_new new = {
		.name = S(STARTER_NAME),
		.mode = S("chat"),
		.description = S("Answers questions about this server from its user guide."),
		.icon_type = S("emoji"),
		.icon = S("\xF0\x9F\x94\xA5"), /* fire */
		.icon_background = S("#FFEAD5"),
		.created_by = owner->id,
		.model_config = starter_app_config(mem),
	};
	if (!app && app_create(s->apps, mem, tenant, &new, &app))
		return -1;
	*app_id = app->id;
	*token = (struct str){ 0 };
	if (key_list(s->accounts, mem, tenant, app->id, S("app"), &keys, &n))
		return -1;
	return n ? 0 : key_create(s->accounts, mem, tenant, app->id, S("app"), &made, token);
}
