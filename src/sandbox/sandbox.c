/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox: start, end and figures of the front. */
#include "sandbox/sandbox.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "sandbox/front.h"
#include "sandbox/probe.h"

enum { STEP_MS = 10 };

status sandbox_open(const struct sandbox_options *o, struct sandbox **out)
{
	struct arena *mem = arena_open(0);
	struct sandbox *s = arena_new(mem, struct sandbox);
	s->mem = mem;
	s->options = *o;
	s->control = -1;
	s->workers.left = (size_t)o->max_workers;
	s->options.key = arena_str(mem, o->key);
	s->options.proxy = arena_str(mem, o->proxy);
	s->options.self = arena_str(mem, o->self);
	s->options.profile = arena_str(mem, o->profile);
	s->options.launcher.magic = WIRE_MAGIC;
	snprintf(s->options.launcher.work_dir, WIRE_TEXT_MAX, "%.*s", STR(o->work_dir));
	list_init(&s->jobs);
	snprintf(s->why_not, sizeof(s->why_not), "starting");
	s->options.requirements = arena_str(mem, o->requirements);
	s->options.pip_index = arena_str(mem, o->pip_index);
	s->options.work_dir = arena_str(mem, o->work_dir);
	if (fiber_background("sandbox launcher", front_keep_launcher, s) ||
	    (o->launcher.packages && fiber_background("sandbox packages", packages_keep, s))) {
		sandbox_close(s);
		return -1;
	}
	*out = s;
	return 0;
}

void sandbox_close(struct sandbox *s)
{
	if (!s)
		return;
	s->closing = true;
	event_wake_all(&s->packages.work);
	event_wake_all(&s->changed);
	if (s->control >= 0)
		fd_forget(s->control); /* its reader sees ERR_CLOSED and ends the launcher */
	relay_close(s->relay);
	s->relay = NULL;
}

void sandbox_drain(struct sandbox *s, deadline until)
{
	s->draining = true;
	while (s->in_house && rt_now() < until)
		if (fiber_sleep_ms(STEP_MS))
			break;
}

status sandbox_ready(struct sandbox *s)
{
	return s->up ? 0 : err_set(ERR_UNAVAILABLE, "%s", s->why_not);
}

void sandbox_metrics(struct sandbox *s, struct buf *b)
{
	static const char *const languages[] = { "python3", "nodejs" };
	static const char *const names[OUTCOME_COUNT] = { "ok", "exit", "signal", "timeout", "forbidden",
							  "memory", "output", "broken", "cancelled" };
	static const char *const limits[SECONDS_BUCKETS] = { "0.002", "0.005", "0.01", "0.025", "0.05",
							     "0.1",   "1",     "10",   "+Inf" };
	buf_puts(b, "# TYPE sandbox_runs_total counter\n");
	for (int l = 0; l < LANGUAGE_COUNT; l++)
		for (int i = 0; i < OUTCOME_COUNT; i++)
			buf_printf(b, "sandbox_runs_total{language=\"%s\",outcome=\"%s\"} %llu\n", languages[l],
				   names[i], (unsigned long long)s->outcomes[l][i]);
	buf_puts(b, "# TYPE sandbox_run_seconds histogram\n");
	for (int l = 0; l < LANGUAGE_COUNT; l++) {
		uint64_t sum = 0;
		for (int i = 0; i < SECONDS_BUCKETS; i++)
			buf_printf(b, "sandbox_run_seconds_bucket{language=\"%s\",le=\"%s\"} %llu\n", languages[l],
				   limits[i], (unsigned long long)(sum += s->seconds[l][i]));
		buf_printf(b, "sandbox_run_seconds_sum{language=\"%s\"} %.6f\nsandbox_run_seconds_count{language=\"%s\"} %llu\n",
			   languages[l], s->seconds_sum[l], languages[l], (unsigned long long)sum);
	}
	const struct {
		const char *name, *type;
		double value;
	} rows[] = {
		{ "sandbox_running", "gauge", (double)s->running },
		{ "sandbox_waiting", "gauge", (double)(s->in_house - s->running) },
		{ "sandbox_refused_requests_total", "counter", (double)s->refused_busy },
		{ "sandbox_refused_calls_total", "counter", (double)s->refused_calls },
		{ "sandbox_launcher_starts_total", "counter", (double)s->launcher_starts },
		{ "sandbox_up", "gauge", s->up },
	};
	for (size_t i = 0; i < countof(rows); i++)
		buf_printf(b, "# TYPE %s %s\n%s %.17g\n", rows[i].name, rows[i].type, rows[i].name, rows[i].value);
	for (int t = TIER_NAMESPACE; t <= TIER_MINIMAL; t++)
		buf_printf(b, "sandbox_layer{name=\"%s\"} %d\n", tier_name(t), s->up && (int)s->hello.tier == t);
}
