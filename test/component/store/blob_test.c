/* SPDX-License-Identifier: Apache-2.0 */
/* Files in a directory: whole or absent, keys that stay inside, a full disk. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "base/crypt.h"
#include "store/blob/blob.h"
#include "store_test.h"

DEFINE_AUTO(blob, struct blob, blob_close)

static const struct {
	const char *key;
	size_t len;
	bool good;
} keys[] = {
	{ "a", 1, true },
	{ "upload_files/t/0b1c.pdf", 23, true },
	{ "..a/.b/c..", 10, true },
	{ "", 0, false },
	{ "/etc/passwd", 11, false },
	{ "a/", 2, false },
	{ "a//b", 4, false },
	{ "..", 2, false },
	{ "a/../b", 6, false },
	{ "./a", 3, false },
	{ "a/.", 3, false },
	{ ".tmp/a", 6, false },
	{ "a\\b", 3, false },
	{ "a\0b", 3, false },
	{ "a\nb", 3, false },
};

static status keys_fiber(void *arg)
{
	(void)arg;
	AUTO(blob) b = { NULL };
	AUTO(arena) mem = { arena_open(0) };
	CHECK_OK(blob_open_dir(str_c(dir), &b.p));
	CHECK_OK(blob_check(b.p));
	for (size_t i = 0; i < countof(keys); i++) {
		struct str key = str_of(keys[i].key, keys[i].len), got;
		print_message("case %zu: %s\n", i, keys[i].key);
		if (!keys[i].good) {
			struct blob_writer *w;
			CHECK_ERR(blob_put(b.p, key, S("x")), ERR_INVALID);
			CHECK_ERR(blob_create(b.p, key, &w), ERR_INVALID);
			CHECK_ERR(blob_get(b.p, mem.p, key, 10, &got), ERR_INVALID);
			CHECK_ERR(blob_remove(b.p, key), ERR_INVALID);
			continue;
		}
		CHECK_ERR(blob_get(b.p, mem.p, key, 10, &got), ERR_NOT_FOUND);
		CHECK_OK(blob_put(b.p, key, S("first")));
		CHECK_OK(blob_put(b.p, key, S("second\0")));
		CHECK_OK(blob_get(b.p, mem.p, key, 10, &got));
		CHECK(str_eq(got, S("second\0")));
		CHECK_ERR(blob_get(b.p, mem.p, key, 6, &got), ERR_TOO_LARGE);
		CHECK_OK(blob_remove(b.p, key));
		CHECK_OK(blob_remove(b.p, key));
	}
	char *longest = arena_text(mem.p, 1025);
	memset(longest, 'a', 1025);
	CHECK_ERR(blob_put(b.p, str_of(longest, 1025), S("")), ERR_INVALID);
	CHECK_ERR(blob_put(b.p, str_of(longest, 256), S("")), ERR_INVALID);
	CHECK_OK(blob_put(b.p, str_of(longest, 255), S("")));
	/* a directory is no file */
	struct str got;
	CHECK_OK(blob_put(b.p, S("d/x"), S("")));
	CHECK(blob_get(b.p, mem.p, S("d"), 10, &got) == -1);
	CHECK_OK(blob_get(b.p, mem.p, S("d/x"), 10, &got));
	CHECK(got.len == 0 && got.at);
	return 0;
}

static int leftovers(void)
{
	char command[512];
	snprintf(command, sizeof(command), "test -z \"$(ls -A '%s/.tmp')\"", dir);
	return system(command);
}

static status stream_fiber(void *arg)
{
	(void)arg;
	AUTO(blob) b = { NULL };
	AUTO(arena) mem = { arena_open(0) };
	CHECK_OK(blob_open_dir(str_c(dir), &b.p));
	char *text = arena_text(mem.p, 3000000);
	for (size_t i = 0; i < 3000000; i++)
		text[i] = (char)(i * 7 + i / 251);
	struct blob_writer *w;
	CHECK_OK(blob_create(b.p, S("big"), &w));
	for (size_t at = 0, n = 1; at < 3000000; at += n, n = n * 3 + 1)
		CHECK_OK(blob_add(w, str_sub(str_of(text, 3000000), at, n)));
	struct str got;
	CHECK_ERR(blob_get(b.p, mem.p, S("big"), 1 << 30, &got), ERR_NOT_FOUND);
	uint64_t size;
	CHECK_OK(blob_finish(w, &size));
	CHECK(size == 3000000);
	CHECK_OK(blob_get(b.p, mem.p, S("big"), 1 << 30, &got));
	CHECK(str_eq(got, str_of(text, 3000000)));
	int fd;
	CHECK_OK(blob_fd(b.p, S("big"), &fd, &size));
	char first[4];
	CHECK(size == 3000000 && read(fd, first, 4) == 4 && memcmp(first, text, 4) == 0);
	close(fd);
	CHECK_ERR(blob_fd(b.p, S("none"), &fd, &size), ERR_NOT_FOUND);
	/* dropped: nothing stays */
	CHECK_OK(blob_create(b.p, S("dropped"), &w));
	CHECK_OK(blob_add(w, str_of(text, 1000000)));
	blob_writer_close(w);
	CHECK_ERR(blob_get(b.p, mem.p, S("dropped"), 1 << 30, &got), ERR_NOT_FOUND);
	/* an empty one */
	CHECK_OK(blob_create(b.p, S("empty"), &w));
	CHECK_OK(blob_finish(w, &size));
	CHECK(size == 0);
	CHECK(leftovers() == 0);
	return 0;
}

static status cancelled_put(void *arg)
{
	AUTO(arena) mem = { arena_open(0) };
	char *text = arena_text(mem.p, 8 << 20);
	memset(text, 'c', 8 << 20);
	return blob_put(arg, S("cancelled"), str_of(text, 8 << 20));
}

/* The job goes on with memory of its own (the sanitizers look). */
static status cancel_fiber(void *arg)
{
	(void)arg;
	AUTO(blob) b = { NULL };
	CHECK_OK(blob_open_dir(str_c(dir), &b.p));
	for (int i = 0; i < 5; i++) {
		AUTO(group) g = { group_open(DEADLINE_NONE) };
		CHECK_OK(group_spawn(g.p, "put", cancelled_put, b.p));
		CHECK_OK(fiber_sleep_ms(i));
		group_cancel(g.p);
		if (group_wait(g.p))
			CHECK(err_code() == ERR_CANCELLED);
	}
	return 0;
}

static status full_fiber(void *arg)
{
	(void)arg;
	AUTO(blob) b = { NULL };
	AUTO(arena) mem = { arena_open(0) };
	CHECK_OK(blob_open_dir(str_c(dir), &b.p));
	char *text = arena_text(mem.p, 4 << 20);
	memset(text, 'f', 4 << 20);
	CHECK_OK(blob_put(b.p, S("small"), S("x")));
	CHECK_ERR(blob_put(b.p, S("large"), str_of(text, 4 << 20)), ERR_FULL);
	struct str got;
	CHECK_ERR(blob_get(b.p, mem.p, S("large"), 1 << 30, &got), ERR_NOT_FOUND);
	struct blob_writer *w;
	CHECK_OK(blob_create(b.p, S("large"), &w));
	CHECK_ERR(blob_add(w, str_of(text, 4 << 20)), ERR_FULL);
	CHECK(blob_add(w, S("x")) == -1);
	CHECK(blob_finish(w, NULL) == -1);
	CHECK(leftovers() == 0);
	CHECK_OK(blob_put(b.p, S("small2"), S("y")));
	/* and a database on the same disk: what fits stays, what does not is told */
	AUTO(db) db = { NULL };
	CHECK_OK(test_db(dir, false, (struct db_options){ 0 }, &db.p));
	CHECK_OK(db_script(db.p, S("CREATE TABLE t (n BIGINT PRIMARY KEY, b BYTEA)")));
	static const struct sql put = { "put", "INSERT INTO t VALUES (?1, ?2)", "", 2 };
	static const struct sql count = { "count", "SELECT count(*) FROM t", "", 0 };
	int64_t n = 0;
	while (n < 100 && !DB_WRITE(db.p, mem.p, &put, 1, NULL, db_int(n), db_blob(str_of(text, 100000))))
		n++;
	CHECK(n > 0 && n < 100 && err_code() == ERR_FULL);
	struct db_rows *rows;
	CHECK_OK(db_read(db.p, mem.p, &count, NULL, 0, &rows));
	CHECK(db_int_at(rows, 0, 0) == n);
	print_message("%lld rows fitted\n", (long long)n);
	return 0;
}

/* In a child, as limits and mounts are a process's: a tiny tmpfs, or a limit of the file size. */
static void full(void **state)
{
	(void)state;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		bool mounted = mount("tiny", dir, "tmpfs", 0, "size=1m") == 0;
		if (!mounted) {
			signal(SIGXFSZ, SIG_IGN);
			setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 1 << 20, 1 << 20 });
		}
		print_message("%s\n", mounted ? "tmpfs" : "file size limit");
		int rc = rt_run(&(struct rt_options){ 0 }, full_fiber, NULL);
		fflush(NULL);
		if (mounted)
			umount2(dir, MNT_DETACH);
		_exit(rc ? 1 : 0);
	}
	int code = -1;
	assert_int_equal(waitpid(pid, &code, 0), pid);
	assert_int_equal(code, 0);
}

static void names(void **state)
{
	(void)state;
	run_fiber(keys_fiber, NULL);
}
static void streams(void **state)
{
	(void)state;
	run_fiber(stream_fiber, NULL);
}
static void cancels(void **state)
{
	(void)state;
	run_fiber(cancel_fiber, NULL);
}

int main(void)
{
	crypt_init();
	/* full forks: first, while there are no threads */
	const struct CMUnitTest tests[] = { ROW(full), ROW(names), ROW(streams), ROW(cancels) };
	return cmocka_run_group_tests_name("blob", tests, NULL, NULL);
}
