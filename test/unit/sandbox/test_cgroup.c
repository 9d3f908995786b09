/* SPDX-License-Identifier: Apache-2.0 */
/* What is written where, on folders that stand in for a control group; and that nothing is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "sandbox/cgroup.h"

static char root[64];

static const char *at(struct arena *mem, const char *file)
{
	return arena_printf(mem, "%s/%s", root, file).at;
}

static void put(struct arena *mem, const char *file, const char *text)
{
	FILE *f = fopen(at(mem, file), "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fclose(f);
}

static void holds(struct arena *mem, const char *file, const char *want)
{
	char have[256] = "";
	FILE *f = fopen(at(mem, file), "r");
	if (!f)
		fail_msg("%s is not there", file);
	have[fread(have, 1, sizeof(have) - 1, f)] = 0;
	fclose(f);
	if (strcmp(have, want) != 0)
		fail_msg("%s holds \"%s\", not \"%s\"", file, have, want);
}

static int open_root(void **state)
{
	struct arena *mem = arena_open(0);
	snprintf(root, sizeof(root), "/tmp/tatara-cgroup-XXXXXX");
	*state = mem;
	return mkdtemp(root) ? 0 : -1;
}

static int close_root(void **state)
{
	static const char *const files[] = { "cgroup.controllers", "cgroup.subtree_control", "" };
	for (size_t i = 0; i < countof(files); i++)
		(void)remove(at(*state, files[i]));
	arena_close(*state);
	return 0;
}

/* A folder that is none, or has not what is needed, is refused by name. */
static void checks(void **state)
{
	static const struct {
		const char *controllers, *words;
	} rows[] = {
		{ NULL, "is no control group" }, { "", "no memory and pids" }, { "cpu io\n", "only: cpu io" },
		{ "memory\n", "no memory and pids" }, { "memoryx pids\n", "no memory and pids" },
		{ "cpu memory pids\n", NULL }, { "pids memory", NULL },
	};
	struct cgroup g;
	for (size_t i = 0; i < countof(rows); i++) {
		if (rows[i].controllers)
			put(*state, "cgroup.controllers", rows[i].controllers);
		status bad = cgroup_open(&g, root, 1 << 20, 8);
		if (!!bad != !!rows[i].words || (bad && str_find(err_text(), str_c(rows[i].words)) == SIZE_MAX))
			fail_msg("row %zu: %.*s", i, STR(bad ? err_text() : S("taken")));
	}
	holds(*state, "cgroup.subtree_control", "+memory +pids");
	/* Nothing is asked of a machine without one. */
	assert_int_equal(cgroup_open(&g, "", 1, 1), 0);
	assert_int_equal(cgroup_enter(&g, 7, getpid()), 0);
	assert_false(cgroup_out_of_memory(&g, 7));
	cgroup_leave(&g, 7);
}

static void one_run(void **state)
{
	static const struct {
		const char *file, *text;
	} written[] = { { "memory.max", "268435456" }, { "memory.oom.group", "1" }, { "memory.swap.max", "0" }, { "pids.max", "48" } };
	struct cgroup g;
	char pid[32];
	put(*state, "cgroup.controllers", "memory pids");
	assert_int_equal(mkdir(at(*state, "run-3"), 0755), 0); /* of a launcher that was killed */
	assert_int_equal(mkdir(at(*state, "other"), 0755), 0);
	assert_int_equal(cgroup_open(&g, root, 256 << 20, 32), 0);
	assert_int_equal(access(at(*state, "run-3"), F_OK), -1);
	assert_int_equal(rmdir(at(*state, "other")), 0); /* none of ours: still there */
	assert_int_equal(cgroup_enter(&g, 12, getpid()), 0);
	for (size_t i = 0; i < countof(written); i++)
		holds(*state, arena_printf(*state, "run-12/%s", written[i].file).at, written[i].text);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	holds(*state, "run-12/cgroup.procs", pid);
	assert_true(cgroup_enter(&g, 12, getpid())); /* a name is given once */
	put(*state, "run-12/memory.events", "low 0\noom 1\noom_kill 0\n");
	assert_false(cgroup_out_of_memory(&g, 12));
	put(*state, "run-12/memory.events", "low 0\noom 1\noom_kill 2\n");
	assert_true(cgroup_out_of_memory(&g, 12));
	assert_false(cgroup_out_of_memory(&g, 13));
	/* Here the files keep the folder, as a process does there: it is removed when they are gone. */
	cgroup_leave(&g, 12);
	holds(*state, "run-12/cgroup.kill", "1");
	assert_int_equal(g.left_count, 1);
	cgroup_sweep(&g);
	assert_int_equal(g.left_count, 1);
	static const char *const files[] = { "memory.max", "memory.oom.group", "memory.swap.max", "pids.max", "cgroup.procs",
					     "memory.events", "cgroup.kill" };
	for (size_t i = 0; i < countof(files); i++)
		assert_int_equal(remove(arena_printf(*state, "%s/run-12/%s", root, files[i]).at), 0);
	cgroup_sweep(&g);
	assert_int_equal(g.left_count, 0);
	assert_int_equal(access(at(*state, "run-12"), F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(checks, open_root, close_root),
					    cmocka_unit_test_setup_teardown(one_run, open_root, close_root) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
