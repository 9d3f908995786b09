/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay: a run again, with the answers that another one had got. Nodes that ask something outside
 * (NODE_OUTSIDE: models, tools, HTTP, people) are answered from that run's journal; everything else
 * runs. So the same graph gives the same result, costs nothing and changes nothing outside, unless
 * the plan says what is to be asked anew.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;
struct execution;
struct flow_run;
struct json;
struct replay;

/* The plan as it is kept in the run's start text, so that a process that takes over knows it. */
struct json *replay_plan_json(struct arena *, const struct replay *);
status replay_read_plan(struct flow_run *, const struct json *plan) NODISCARD;
/* Reads the recorded answers; before the first node. ERR_NOT_FOUND when the journal is gone. */
status replay_load(struct flow_run *) NODISCARD;
/* false: the node runs as usual, with its data changed where the plan says so. true: *st is how it
 * ended, its result is filled and its text has been given out. */
bool replay_answers(struct execution *, status *st);
