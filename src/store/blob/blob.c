/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blob: the directory backend. A file is written under .tmp/, synced, then renamed to its key, and
 * the directory is synced: a reader sees the whole or nothing, also after a power cut. All disk
 * work runs on the thread pool; each job owns its memory, so that a wait may end early. Knows no
 * product words.
 */
#include "store/blob/blob.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/id.h"

enum {
	KEY_MAX = 1024,
	PART_MAX = 255, /* NAME_MAX of the usual file systems */
	PIECE = 256 << 10, /* gathered before a write */
	TMP_NAME = 40,
};

struct blob {
	int dir;
	atomic_int refs; /* jobs that outlive their wait hold one */
};

static void unref(struct blob *b)
{
	if (atomic_fetch_sub(&b->refs, 1) > 1)
		return;
	close(b->dir);
	free(b);
}

static struct blob *ref(struct blob *b)
{
	atomic_fetch_add(&b->refs, 1);
	return b;
}

/*
 * The pool gets a reference of its own to what it works on. pool_run lets go of it when it fails,
 * now or when the abandoned job ends; after a success it is given back here.
 */
static status run_on_pool(status (*fn)(void *), void *job, void (*let_go)(void *))
{
	if (pool_run(fn, job, let_go))
		return -1;
	let_go(job);
	return 0;
}

/* --- keys and errors --- */

static bool part_ok(struct str part)
{
	return part.len && part.len <= PART_MAX && !str_eq(part, S(".")) && !str_eq(part, S("..")) &&
	       !str_eq(part, S(".tmp"));
}

static status check_key(struct str key)
{
	if (!key.len || key.len > KEY_MAX)
		return err_set(ERR_INVALID, "a file key has 1 to %d bytes", KEY_MAX);
	for (size_t i = 0; i < key.len; i++)
		if ((unsigned char)key.at[i] < 32 || key.at[i] == 127 || key.at[i] == '\\')
			return err_set(ERR_INVALID, "a file key has no control characters");
	struct str rest = key;
	/* An empty last part ("a/") has rest.at set and no length. */
	do {
		if (!part_ok(str_cut(&rest, '/')))
			return err_set(ERR_INVALID, "the file key \"%.*s\" is not a plain path", STR(key));
	} while (rest.at);
	return 0;
}

/* Of the system call that has just failed. */
static status disk_error(const char *what)
{
	int saved = errno;
	if (saved == ENOSPC || saved == EDQUOT || saved == EFBIG)
		err_set(ERR_FULL, "the disk of the files is full");
	else if (saved == ENOENT)
		err_set(ERR_NOT_FOUND, "the file does not exist");
	else
		err_set(ERR_IO, "the file store failed");
	err_detail("%s: %s", what, strerror(saved));
	return -1;
}

/* --- on the pool's threads --- */

static status write_all(int fd, const char *at, size_t n)
{
	while (n) {
		ssize_t did = write(fd, at, n);
		if (did < 0 && errno == EINTR)
			continue;
		if (did < 0)
			return disk_error("write");
		at += did;
		n -= (size_t)did;
	}
	return 0;
}

static status sync_dir(int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return disk_error("open directory");
	status rc = fsync(fd) ? disk_error("fsync directory") : 0;
	close(fd);
	return rc;
}

/* Makes the directories of a key; a new one is synced into its parent. */
static status make_dirs(int dir, const char *key)
{
	char path[KEY_MAX + 1];
	size_t parent = 0;
	for (size_t i = 0; key[i]; i++) {
		if (key[i] == '/') {
			memcpy(path, key, i);
			path[i] = 0;
			if (mkdirat(dir, path, 0700) == 0) {
				path[parent] = 0;
				if (sync_dir(dir, parent ? path : "."))
					return -1;
			} else if (errno != EEXIST) {
				return disk_error("mkdir");
			}
			parent = i;
		}
	}
	return 0;
}

static status move_into_place(int dir, const char *tmp, const char *key)
{
	if (make_dirs(dir, key))
		return -1;
	if (renameat(dir, tmp, dir, key))
		return disk_error("rename");
	const char *slash = strrchr(key, '/');
	if (!slash)
		return sync_dir(dir, ".");
	char path[KEY_MAX + 1];
	size_t n = (size_t)(slash - key);
	memcpy(path, key, n);
	path[n] = 0;
	return sync_dir(dir, path);
}

/* --- opening --- */

struct open_job {
	char *path;
	int fd;
};

static status make_path(char *path)
{
	for (char *p = path + 1;; p++) {
		if (*p && *p != '/')
			continue;
		char kept = *p;
		*p = 0;
		int rc = mkdir(path, 0700);
		*p = kept;
		if (rc && errno != EEXIST)
			return disk_error("mkdir");
		if (!kept)
			return 0;
	}
}

/* What an earlier process left unfinished; younger files may belong to a living one. */
static void remove_leftovers(int dir)
{
	int fd = openat(dir, ".tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return;
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	for (struct dirent *e; (e = readdir(d));) {
		struct stat st;
		if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
		    st.st_mtim.tv_sec < now.tv_sec - 86400)
			unlinkat(fd, e->d_name, 0);
	}
	closedir(d);
}

static status open_run(void *arg)
{
	struct open_job *j = arg;
	if (make_path(j->path))
		return -1;
	j->fd = open(j->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (j->fd < 0)
		return disk_error("open directory");
	if (mkdirat(j->fd, ".tmp", 0700) && errno != EEXIST)
		return disk_error("mkdir .tmp");
	remove_leftovers(j->fd);
	return 0;
}

status blob_open_dir(struct str directory, struct blob **out)
{
	if (!directory.len)
		return err_set(ERR_INVALID, "no directory for the files");
	struct open_job j = { .path = strndup(directory.at, directory.len), .fd = -1 };
	ASSERT(j.path);
	status rc = pool_call(open_run, &j);
	free(j.path);
	if (rc) {
		if (j.fd >= 0)
			close(j.fd);
		return err_wrap("open file store %.*s", STR(directory));
	}
	struct blob *b = calloc(1, sizeof(*b));
	ASSERT(b);
	b->dir = j.fd;
	atomic_init(&b->refs, 1);
	*out = b;
	return 0;
}

void blob_close(struct blob *b)
{
	if (b)
		unref(b);
}

/* --- writing --- */

/* What the pool works on; the last of writer and job to let go removes an unfinished file. */
struct file {
	struct blob *blob;
	atomic_int refs;
	int fd;
	bool created, finished;
	char tmp[TMP_NAME];
	char *key;
	char *data; /* gathered, then given to the job whole */
	size_t len, cap;
	uint64_t size;
	bool last; /* this piece ends the file */
};

struct blob_writer {
	struct file *file;
	bool broken; /* a step failed or its wait ended early */
};

static void file_unref(void *arg)
{
	struct file *f = arg;
	if (atomic_fetch_sub(&f->refs, 1) > 1)
		return;
	if (f->fd >= 0)
		close(f->fd);
	if (f->created && !f->finished)
		unlinkat(f->blob->dir, f->tmp, 0);
	unref(f->blob);
	free(f->key);
	free(f->data);
	free(f);
}

static struct file *file_new(struct blob *b, struct str key, size_t cap)
{
	struct file *f = calloc(1, sizeof(*f));
	ASSERT(f);
	f->key = strndup(key.at, key.len);
	f->cap = cap;
	f->data = malloc(cap ? cap : 1);
	ASSERT(f->key && f->data);
	f->blob = ref(b);
	f->fd = -1;
	atomic_init(&f->refs, 1);
	unsigned char random[16];
	id_random(random, sizeof(random));
	memcpy(f->tmp, ".tmp/", 5);
	for (size_t i = 0; i < sizeof(random); i++) {
		f->tmp[5 + 2 * i] = "0123456789abcdef"[random[i] >> 4];
		f->tmp[6 + 2 * i] = "0123456789abcdef"[random[i] & 15];
	}
	return f;
}

static status write_run(void *arg)
{
	struct file *f = arg;
	if (f->fd < 0) {
		f->fd = openat(f->blob->dir, f->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			       0600);
		if (f->fd < 0)
			return disk_error("create");
		f->created = true;
	}
	if (write_all(f->fd, f->data, f->len))
		return -1;
	f->size += f->len;
	f->len = 0;
	if (!f->last)
		return 0;
	if (fsync(f->fd))
		return disk_error("fsync");
	/* Some file systems report a full disk only here. */
	int fd = f->fd;
	f->fd = -1;
	if (close(fd))
		return disk_error("close");
	if (move_into_place(f->blob->dir, f->tmp, f->key))
		return -1;
	f->finished = true;
	return 0;
}

static status step(struct blob_writer *w)
{
	atomic_fetch_add(&w->file->refs, 1);
	if (run_on_pool(write_run, w->file, file_unref)) {
		w->broken = true;
		return -1;
	}
	return 0;
}

status blob_create(struct blob *b, struct str key, struct blob_writer **out)
{
	if (check_key(key))
		return -1;
	struct blob_writer *w = calloc(1, sizeof(*w));
	ASSERT(w);
	w->file = file_new(b, key, PIECE);
	*out = w;
	return 0;
}

status blob_add(struct blob_writer *w, struct str piece)
{
	while (piece.len) {
		if (w->broken)
			return err_set(ERR_IO, "the file could not be written");
		struct file *f = w->file;
		size_t n = MIN(piece.len, f->cap - f->len);
		memcpy(f->data + f->len, piece.at, n);
		f->len += n;
		piece = str_skip(piece, n);
		if (f->len == f->cap && step(w))
			return -1;
	}
	return 0;
}

status blob_finish(struct blob_writer *w, uint64_t *size)
{
	status rc;
	if (w->broken) {
		rc = err_set(ERR_IO, "the file could not be written");
	} else {
		w->file->last = true;
		rc = step(w);
	}
	if (!rc && size)
		*size = w->file->size;
	blob_writer_close(w);
	return rc;
}

void blob_writer_close(struct blob_writer *w)
{
	if (!w)
		return;
	/* A close and an unlink at most: too short for the pool, and no wait that could fail. */
	file_unref(w->file);
	free(w);
}

status blob_put(struct blob *b, struct str key, struct str bytes)
{
	if (check_key(key))
		return -1;
	struct file *f = file_new(b, key, bytes.len);
	if (bytes.len)
		memcpy(f->data, bytes.at, bytes.len);
	f->len = bytes.len;
	f->last = true;
	return run_on_pool(write_run, f, file_unref);
}

/* --- reading and removing --- */

struct read_job {
	struct blob *blob;
	char *key;
	uint64_t max, size;
	char *data;
	int fd; /* open_file_run */
	atomic_int refs;
};

static void read_unref(void *arg)
{
	struct read_job *j = arg;
	if (atomic_fetch_sub(&j->refs, 1) > 1)
		return;
	if (j->fd >= 0)
		close(j->fd);
	unref(j->blob);
	free(j->key);
	free(j->data);
	free(j);
}

DEFINE_AUTO(read_job, struct read_job, read_unref)

/* Two references: the caller's and the job's. */
static struct read_job *read_new(struct blob *b, struct str key)
{
	struct read_job *j = calloc(1, sizeof(*j));
	ASSERT(j);
	j->blob = ref(b);
	j->key = strndup(key.at, key.len);
	ASSERT(j->key);
	j->fd = -1;
	atomic_init(&j->refs, 2);
	return j;
}

static status open_file_run(void *arg)
{
	struct read_job *j = arg;
	j->fd = openat(j->blob->dir, j->key, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (j->fd < 0)
		return disk_error("open");
	struct stat st;
	if (fstat(j->fd, &st))
		return disk_error("fstat");
	if (!S_ISREG(st.st_mode))
		return err_set(ERR_NOT_FOUND, "the file does not exist");
	j->size = (uint64_t)st.st_size;
	return 0;
}

static status read_file_run(void *arg)
{
	struct read_job *j = arg;
	if (open_file_run(j))
		return -1;
	if (j->size > j->max)
		return err_set(ERR_TOO_LARGE, "the file has %llu bytes, more than %llu",
			       (unsigned long long)j->size, (unsigned long long)j->max);
	j->data = malloc(j->size ? (size_t)j->size : 1);
	if (!j->data)
		return err_set(ERR_TOO_LARGE, "no memory for the file");
	for (uint64_t done = 0; done < j->size;) {
		ssize_t n = read(j->fd, j->data + done, (size_t)(j->size - done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return disk_error("read");
		if (n == 0)
			return err_set(ERR_IO, "the file is shorter than it was");
		done += (uint64_t)n;
	}
	return 0;
}

status blob_get(struct blob *b, struct arena *mem, struct str key, uint64_t max, struct str *out)
{
	if (check_key(key))
		return -1;
	AUTO(read_job) j = { read_new(b, key) };
	j.p->max = max;
	if (run_on_pool(read_file_run, j.p, read_unref))
		return err_wrap("file %.*s", STR(key));
	*out = arena_str(mem, str_of(j.p->data, (size_t)j.p->size));
	return 0;
}

status blob_fd(struct blob *b, struct str key, int *fd, uint64_t *size)
{
	if (check_key(key))
		return -1;
	AUTO(read_job) j = { read_new(b, key) };
	if (run_on_pool(open_file_run, j.p, read_unref))
		return err_wrap("file %.*s", STR(key));
	*fd = j.p->fd;
	j.p->fd = -1;
	*size = j.p->size;
	return 0;
}

static status remove_run(void *arg)
{
	struct read_job *j = arg;
	if (unlinkat(j->blob->dir, j->key, 0) == 0 || errno == ENOENT || errno == ENOTDIR)
		return 0;
	return disk_error("unlink");
}

status blob_remove(struct blob *b, struct str key)
{
	if (check_key(key))
		return -1;
	AUTO(read_job) j = { read_new(b, key) };
	return run_on_pool(remove_run, j.p, read_unref);
}

status blob_check(struct blob *b)
{
	AUTO(arena) mem = { arena_open(0) };
	struct str key = arena_printf(mem.p, ".check-%.*s", STR(id_token(mem.p, 16)));
	struct str got;
	if (blob_put(b, key, S("probe")) || blob_get(b, mem.p, key, 16, &got) || blob_remove(b, key))
		return err_wrap("file store check");
	if (!str_eq(got, S("probe")))
		return err_set(ERR_IO, "the file store gave back other bytes than were written");
	return 0;
}
