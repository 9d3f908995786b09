/* SPDX-License-Identifier: Apache-2.0 */
/* limit: how many runs an app and a workspace may have at a time, running and waiting. */
#include "api/service/limit.h"

#include "api/api.h"
#include "app/app.h"
#include "base/config.h"
#include "base/err.h"
#include "flow/flow.h"

/* So many runs of an app at a time; 0 = as many as come. */
static int64_t app_limit(const struct config *config, const struct app *app)
{
	int64_t limit = app->max_active_requests;
	int64_t highest = config_int(config, CONFIG_APP_MAX_ACTIVE_REQUESTS);
	if (limit <= 0)
		limit = config_int(config, CONFIG_APP_DEFAULT_ACTIVE_REQUESTS);
	return highest > 0 && (limit <= 0 || limit > highest) ? highest : limit;
}

status limit_running(const struct services *s, const struct app *app)
{
	int64_t of_app = app_limit(s->config, app);
	int64_t of_tenant = config_int(s->config, CONFIG_TATARA_WORKSPACE_RUNS_MAX);
	if (of_app > 0 && flow_active(s->flow, app->id) >= of_app)
		return err_set(
			ERR_BUSY,
			"Too many requests. Please try again later. The current maximum concurrent "
			"requests allowed for %.*s is %lld.",
			STR(app->id), (long long)of_app);
	if (of_tenant > 0 && flow_active_tenant(s->flow, app->tenant_id) >= of_tenant)
		return err_set(
			ERR_BUSY,
			"Too many requests. Please try again later. The current maximum concurrent "
			"requests allowed for this workspace is %lld.",
			(long long)of_tenant);
	return 0;
}

status limit_waiting(const struct services *s, const struct app *app)
{
	int64_t most = config_int(s->config, CONFIG_TATARA_QUEUE_MAX);
	if (most <= 0 || flow_waiting(s->flow, app->id, most) < most)
		return 0;
	return err_set(
		ERR_BUSY,
		"Too many runs of this app wait for a worker (%lld). Please try again later.",
		(long long)most);
}
