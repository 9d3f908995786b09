/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jinja_render: reads lines {"template": ..., "inputs": {...}, "repeat": n} and writes for each a
 * line {"output"|"error"|"unsupported"|"limit": text}. The tests compare these with the real
 * package; with repeat, the line also says how long one rendering took ("ns": whole, "run_ns":
 * without parsing).
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "text/jinja/jinja.h"

static int64_t cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void measure(const struct json *line, struct arena *mem, struct json *answer)
{
	struct str source = json_get_str(line, S("template")), out;
	int64_t n = json_get_int(line, S("repeat"), 0), start = cpu_ns();
	struct jinja_template *t;
	for (int64_t i = 0; i < n; i++) {
		AUTO(arena) once = { arena_open(0) };
		if (jinja_render(once.p, source, json_get(line, S("inputs")), &jinja_limits_whole, &out))
			return;
	}
	json_set_int(mem, answer, S("ns"), (cpu_ns() - start) / n);
	if (jinja_parse(mem, source, &jinja_limits_whole, &t))
		return;
	start = cpu_ns();
	for (int64_t i = 0; i < n; i++) {
		AUTO(arena) once = { arena_open(0) };
		if (jinja_run(once.p, t, json_get(line, S("inputs")), &jinja_limits_whole, &out))
			return;
	}
	json_set_int(mem, answer, S("run_ns"), (cpu_ns() - start) / n);
}

static void answer_line(struct str text)
{
	AUTO(arena) mem = { arena_open(0) };
	struct json *line, *answer = json_obj(mem.p);
	struct str out;
	struct buf b = buf_make(mem.p, 0);
	if (json_parse(mem.p, text, &line)) {
		json_set_str(mem.p, answer, S("broken"), arena_str(mem.p, err_text()));
	} else if (jinja_render(mem.p, json_get_str(line, S("template")), json_get(line, S("inputs")),
				&jinja_limits_whole, &out)) {
		enum err_code code = err_code();
		struct str name = code == ERR_UNSUPPORTED ? S("unsupported")
				  : code == ERR_INVALID	  ? S("error")
							  : S("limit");
		json_set_str(mem.p, answer, name, arena_str(mem.p, err_text()));
	} else {
		json_set_str(mem.p, answer, S("output"), out);
		if (json_get_int(line, S("repeat"), 0) > 0)
			measure(line, mem.p, answer);
	}
	json_write(&b, answer, JSON_COMPACT);
	fwrite(b.at, 1, b.len, stdout);
	putchar('\n');
	fflush(stdout);
}

int main(void)
{
	char *line = NULL;
	size_t cap = 0;
	for (ssize_t n; (n = getline(&line, &cap, stdin)) > 0;)
		answer_line(str_of(line, (size_t)n));
	free(line);
	return 0;
}
