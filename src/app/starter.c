/* SPDX-License-Identifier: Apache-2.0 */
#include "app/starter.h"

#include "app/app.h"
#include "base/arena.h"
#include "model/starter.h"

static status find_starter(struct apps *apps, struct arena *mem, struct str tenant, struct app **out)
{
	struct app_list q = { .mode = S("chat"), .name = S(STARTER_NAME), .page = 1, .limit = 100 };
	struct app *list;
	size_t n;
	int64_t total;
	*out = NULL;
	if (app_list(apps, mem, tenant, &q, &list, &n, &total))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i].name, S(STARTER_NAME)))
			*out = &list[i];
	return 0;
}

status starter_create(struct apps *apps, struct arena *mem, struct str tenant_id,
		      struct str account_id, struct app **out)
{
	struct app *app;
	if (find_starter(apps, mem, tenant_id, &app))
		return -1;
	struct app_new new = {
		.name = S(STARTER_NAME),
		.mode = S("chat"),
		.description = S("Answers questions about this server from its user guide."),
		.icon_type = S("emoji"),
		.icon = S("\xF0\x9F\x94\xA5"), /* fire */
		.icon_background = S("#FFEAD5"),
		.created_by = account_id,
		.model_config = starter_app_config(mem),
	};
	if (!app && app_create(apps, mem, tenant_id, &new, &app))
		return -1;
	*out = app;
	return 0;
}
