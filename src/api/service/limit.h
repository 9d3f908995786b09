/* SPDX-License-Identifier: Apache-2.0 */
/* limit: how many runs an app and a workspace may have at a time. For routes and for the worker. */
#pragma once
#include "base/core.h"

struct app;
struct services;

/* May the app begin one more run now? ERR_BUSY (429) names the limit: the app's own, or the
 * workspace's TATARA_WORKSPACE_RUNS_MAX. */
status limit_running(const struct services *, const struct app *) NODISCARD;
/* May one more run of the app wait for a worker? ERR_BUSY past TATARA_QUEUE_MAX. */
status limit_waiting(const struct services *, const struct app *) NODISCARD;
