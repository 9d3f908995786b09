/* SPDX-License-Identifier: Apache-2.0 */
/* api: the HTTP APIs; interactive runs execute here. */
#include "role/role.h"

#include "base/arena.h"
#include "base/err.h"
#include "flow/flow.h"
#include "store/db/db.h"

static status api_open(struct role_process *r)
{
	static const struct route_table *const tables[] = { &service_routes, &console_routes,
							    &site_routes, &file_routes,
							    &trigger_routes };
	struct router *router;
	if (router_open(tables, countof(tables), &r->services, &router))
		return -1;
	r->state = router;
	return 0;
}

static status api_handle(struct http *h, void *ctx)
{
	struct role_process *r = ctx;
	return router_handle(h, r->state);
}

static status api_fail(struct http *h, void *ctx)
{
	struct role_process *r = ctx;
	return router_error(h, r->state);
}

static status api_ready(struct role_process *r)
{
	return db_ping(r->services.db);
}

static void api_drain(struct role_process *r, deadline until)
{
	flow_drain(r->services.flow, until);
}

static void api_close(struct role_process *r)
{
	router_close(r->state);
}

const struct role_type role_api = {
	.name = "api",
	.help = "console, Service and web-app APIs; interactive runs",
	.replaces = "api",
	.listen = "127.0.0.1:5001",
	.open = api_open,
	.handle = api_handle,
	.fail = api_fail,
	.ready = api_ready,
	.drain = api_drain,
	.close = api_close,
	.needs_services = true,
	.needs_flow = true,
};
