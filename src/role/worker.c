/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker: background work. Takes over runs whose process died (flow_service) and keeps the
 * database small: retention runs under a lease, so that one worker of many does it.
 */
#include "role/role.h"

#include "base/arena.h"
#include "base/config.h"
#include "base/err.h"
#include "base/log.h"
#include "base/clock.h"
#include "flow/flow.h"
#include "role/maintain.h"
#include "store/broker/broker.h"
#include "store/db/db.h"

static status worker_open(struct role_process *r)
{
	return fiber_background("maintenance", maintain_loop, &r->services);
}

static status worker_ready(struct role_process *r)
{
	return db_ping(r->services.db);
}

static void worker_drain(struct role_process *r, deadline until)
{
	flow_drain(r->services.flow, until);
}

const struct role_type role_worker = {
	.name = "worker",
	.help = "background work: unfinished runs, retention",
	.replaces = "worker, worker_beat",
	.listen = "127.0.0.1:5004",
	.open = worker_open,
	.ready = worker_ready,
	.drain = worker_drain,
	.needs_services = true,
	.needs_flow = true,
};
