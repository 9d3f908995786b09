/* SPDX-License-Identifier: Apache-2.0 */
/* root: a plan as mounts, as a folder, as landlock rules. */
#include "sandbox/root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/embed.h"
#include "base/err.h"
#include "sandbox/jail/wall.h"
#include "sandbox/wire.h"

extern const struct embedded_file jail_files[];
extern const size_t jail_files_len;

enum { COPY_DEPTH_MAX = 24, PATH_BYTES = 1024 };

/* The little that programs look up. No name of the machine, no account of it. */
static const struct {
	const char *path, *text;
} made[] = {
	{ "/etc/passwd", "sandbox:x:65534:65534:sandbox:/:/usr/sbin/nologin\n" },
	{ "/etc/group", "sandbox:x:65534:\n" },
	{ "/etc/hosts", "127.0.0.1 localhost\n" },
	{ "/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n" },
	{ "/etc/resolv.conf", "" },
};

/* mkdir -p of all folders above the last part, below `at`. */
static status make_parents(const char *at, const char *path)
{
	char full[PATH_BYTES];
	int n = snprintf(full, sizeof(full), "%s%s", at, path);
	if (n < 0 || (size_t)n >= sizeof(full))
		return err_set(ERR_INVALID, "path too long: %s", path);
	for (char *c = full + strlen(at) + 1; (c = strchr(c, '/')); c++) {
		*c = 0;
		if (mkdir(full, 0755) < 0 && errno != EEXIST)
			return err_errno("make %s", full);
		*c = '/';
	}
	return 0;
}

static status write_file(const char *path, const void *data, size_t len, mode_t mode)
{
	AUTO(fd) f = { open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode) };
	if (f.n < 0)
		return err_errno("write %s", path);
	for (const char *at = data; len;) {
		ssize_t n = write(f.n, at, len);
		if (n <= 0)
			return err_errno("write %s", path);
		at += n;
		len -= (size_t)n;
	}
	return fchmod(f.n, mode) < 0 ? err_errno("write %s", path) : 0;
}

status root_write_helpers(const char *folder)
{
	char path[PATH_BYTES];
	for (size_t i = 0; i < jail_files_len; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, jail_files[i].path);
		/* One of an earlier start may be there, and is not ours to write. */
		if (unlink(path) < 0 && errno != ENOENT)
			return err_errno("replace %s", path);
		if (write_file(path, jail_files[i].data, jail_files[i].len, 0555))
			return -1;
	}
	return 0;
}

static status write_made(const char *at)
{
	char path[PATH_BYTES];
	for (size_t i = 0; i < countof(made); i++) {
		snprintf(path, sizeof(path), "%s%s", at, made[i].path);
		if (make_parents(at, made[i].path) || write_file(path, made[i].text, strlen(made[i].text), 0444))
			return -1;
	}
	snprintf(path, sizeof(path), "%s%s", at, JAIL_DIR);
	if (make_parents(at, JAIL_DIR "/x") || make_parents(at, JAIL_PACKAGES "/x"))
		return -1;
	return root_write_helpers(path);
}

/* --- mounts --- */

enum { BIND_FLAGS = MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID };

static status bind_on(const char *source, const char *target, unsigned long more)
{
	if (mount(source, target, NULL, MS_BIND, NULL) < 0 ||
	    mount(NULL, target, NULL, BIND_FLAGS | more, NULL) < 0)
		return err_errno("mount %s", source);
	return 0;
}

static status mount_item(const char *at, const struct root_item *it)
{
	char target[PATH_BYTES];
	snprintf(target, sizeof(target), "%s%s", at, it->path);
	if (make_parents(at, it->path))
		return -1;
	if (it->kind == ROOT_LINK)
		return symlink(it->source, target) < 0 && errno != EEXIST ? err_errno("link %s", it->path) : 0;
	if (it->kind == ROOT_DIR) {
		if (mkdir(target, 0755) < 0 && errno != EEXIST)
			return err_errno("make %s", target);
	} else if (write_file(target, "", 0, 0444)) {
		return -1;
	}
	return bind_on(it->source, target, MS_NODEV);
}

/* A user namespace may not drop flags that a mount had: they are read and kept. */
static status mount_devices(const char *at)
{
	static const char *const names[] = { "/dev/null", "/dev/zero", "/dev/urandom" };
	char target[PATH_BYTES];
	if (make_parents(at, "/dev/x"))
		return -1;
	for (size_t i = 0; i < countof(names); i++) {
		snprintf(target, sizeof(target), "%s%s", at, names[i]);
		if (write_file(target, "", 0, 0444))
			return -1;
		if (mount(names[i], target, NULL, MS_BIND, NULL) < 0)
			return err_errno("mount %s", names[i]);
		(void)mount(NULL, target, NULL, MS_BIND | MS_REMOUNT | MS_NOSUID | MS_NOEXEC, NULL);
	}
	return 0;
}

static status mount_given(const char *rootfs, const char *at)
{
	char helpers[PATH_BYTES];
	if (bind_on(rootfs, at, MS_NODEV))
		return -1;
	snprintf(helpers, sizeof(helpers), "%s%s", at, JAIL_DIR);
	if (mount("tmpfs", helpers, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=4m") < 0)
		return err_set(ERR_UNAVAILABLE, "SANDBOX_ROOTFS needs an empty folder " JAIL_DIR);
	if (root_write_helpers(helpers))
		return -1;
	return mount(NULL, helpers, NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, "mode=755,size=4m") < 0
		       ? err_errno("mount " JAIL_DIR) : 0;
}

status root_mount(const struct root_plan *plan, const struct launcher_settings *s, const char *at)
{
	char tmp[PATH_BYTES + 16];
	if (*s->rootfs)
		return mount_given(s->rootfs, at);
	if (mount("tmpfs", at, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=16m") < 0)
		return err_errno("mount a file system in memory on %s", at);
	for (size_t i = 0; i < plan->items.len; i++)
		if (mount_item(at, &plan->items.at[i]))
			return -1;
	snprintf(tmp, sizeof(tmp), "%s/packages", s->work_dir);
	struct root_item packages = { ROOT_DIR, JAIL_PACKAGES, tmp };
	if (s->packages && mount_item(at, &packages))
		return -1;
	snprintf(tmp, sizeof(tmp), "%s/tmp", at);
	if (write_made(at) || mount_devices(at))
		return -1;
	if (mkdir(tmp, 0555) < 0 && errno != EEXIST)
		return err_errno("make /tmp");
	if (mount(NULL, at, NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, "mode=755,size=16m") < 0)
		return err_errno("make the root read-only");
	return 0;
}

/* --- a folder --- */

static status copy_bytes(const char *from, const char *to)
{
	char buf[65536 / 32];
	AUTO(fd) in = { open(from, O_RDONLY | O_CLOEXEC) };
	struct stat st;
	if (in.n < 0 || fstat(in.n, &st) < 0)
		return errno == EACCES ? 0 : err_errno("read %s", from);
	AUTO(fd) out = { open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0555) };
	if (out.n < 0)
		return err_errno("write %s", to);
	ssize_t n = copy_file_range(in.n, NULL, out.n, NULL, (size_t)st.st_size, 0);
	for (off_t done = n > 0 ? n : 0; done < st.st_size; done += n) {
		n = pread(in.n, buf, sizeof(buf), done);
		if (n <= 0 || pwrite(out.n, buf, (size_t)n, done) != n)
			return err_errno("copy %s", from);
	}
	return fchmod(out.n, st.st_mode & 0555) < 0 ? err_errno("write %s", to) : 0;
}

/* A hard link costs nothing; where it is not possible, a copy. Never a set-uid file. */
static status take_file(const char *from, const char *to)
{
	struct stat st;
	if (stat(from, &st) < 0 || !S_ISREG(st.st_mode) || st.st_mode & (S_ISUID | S_ISGID))
		return 0;
	if (unlink(to) < 0 && errno != ENOENT)
		return err_errno("replace %s", to);
	if (linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	return copy_bytes(from, to);
}

static status take_tree(const char *from, const char *to, int depth);

static status take_entry(const char *from, const char *to, int depth)
{
	struct stat st;
	char target[PATH_BYTES];
	if (lstat(from, &st) < 0)
		return 0;
	if (S_ISDIR(st.st_mode))
		return take_tree(from, to, depth + 1);
	if (S_ISREG(st.st_mode))
		return take_file(from, to);
	if (!S_ISLNK(st.st_mode))
		return 0;
	ssize_t n = readlink(from, target, sizeof(target) - 1);
	if (n < 0)
		return 0;
	target[n] = 0;
	return symlink(target, to) < 0 && errno != EEXIST ? err_errno("link %s", to) : 0;
}

static status take_tree(const char *from, const char *to, int depth)
{
	if (depth > COPY_DEPTH_MAX)
		return 0;
	if (mkdir(to, 0755) < 0 && errno != EEXIST)
		return err_errno("make %s", to);
	DIR *d = opendir(from);
	if (!d)
		return errno == EACCES || errno == ENOENT ? 0 : err_errno("read %s", from);
	status r = 0;
	for (struct dirent *e; !r && (e = readdir(d));) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		AUTO(arena) mem = { arena_open(0) };
		r = take_entry(arena_printf(mem.p, "%s/%s", from, e->d_name).at,
			       arena_printf(mem.p, "%s/%s", to, e->d_name).at, depth);
	}
	closedir(d);
	return r;
}

/* What the folder was made from: another list, or a newer folder in it, means making it again. */
static struct str stamp_of(const struct root_plan *plan)
{
	struct buf b = buf_make(plan->mem, 1 << 20);
	for (size_t i = 0; i < plan->items.len; i++) {
		struct stat st = { 0 };
		const struct root_item *it = &plan->items.at[i];
		if (it->kind != ROOT_LINK)
			(void)stat(it->source, &st);
		buf_printf(&b, "%d %s %s %lld %llu\n", it->kind, it->path, it->source, (long long)st.st_mtime,
			   (unsigned long long)st.st_ino);
	}
	return buf_str(&b);
}

static bool same_stamp(const char *path, struct str stamp)
{
	AUTO(fd) f = { open(path, O_RDONLY | O_CLOEXEC) };
	AUTO(arena) mem = { arena_open(0) };
	char *at = arena_text(mem.p, stamp.len + 1);
	return f.n >= 0 && read(f.n, at, stamp.len + 1) == (ssize_t)stamp.len && !memcmp(at, stamp.at, stamp.len);
}

/* Devices where we may make them; without them programs still run. */
static void make_devices(const char *at)
{
	char path[PATH_BYTES];
	static const struct {
		const char *name;
		unsigned minor;
	} devices[] = { { "null", 3 }, { "zero", 5 }, { "urandom", 9 } };
	for (size_t i = 0; i < countof(devices); i++) {
		snprintf(path, sizeof(path), "%s/dev/%s", at, devices[i].name);
		if (mknod(path, S_IFCHR | 0666, makedev(1, devices[i].minor)) == 0)
			(void)chmod(path, 0666);
	}
}

status root_copy(const struct root_plan *plan, const char *at)
{
	struct str stamp = stamp_of(plan);
	char path[PATH_BYTES], mark[PATH_BYTES];
	snprintf(mark, sizeof(mark), "%s.stamp", at);
	if (mkdir(at, 0755) < 0 && errno != EEXIST)
		return err_errno("make %s", at);
	if (same_stamp(mark, stamp))
		return write_made(at);
	for (size_t i = 0; i < plan->items.len; i++) {
		const struct root_item *it = &plan->items.at[i];
		snprintf(path, sizeof(path), "%s%s", at, it->path);
		if (make_parents(at, it->path))
			return -1;
		status r = it->kind == ROOT_DIR	   ? take_tree(it->source, path, 0)
			   : it->kind == ROOT_FILE ? take_file(it->source, path)
			   : symlink(it->source, path) < 0 && errno != EEXIST ? err_errno("link %s", path) : 0;
		if (r)
			return -1;
	}
	if (make_parents(at, "/dev/x") || write_made(at))
		return -1;
	make_devices(at);
	return write_file(mark, stamp.at, stamp.len, 0600);
}

/* --- landlock --- */

static status allow_path(int rules, const char *path, enum wall_kind kind)
{
	return wall_allow(rules, path, kind) < 0 ? err_errno("landlock: allow %s", path) : 0;
}

static status allow_plan(int rules, const struct root_plan *plan, const char *helpers, const char *packages)
{
	static const char *const devices[] = { "/dev/null", "/dev/zero", "/dev/urandom" };
	if (!plan)
		return allow_path(rules, "/", WALL_FOLDER);
	for (size_t i = 0; i < plan->items.len; i++)
		if (plan->items.at[i].kind != ROOT_LINK &&
		    allow_path(rules, plan->items.at[i].source, plan->items.at[i].kind == ROOT_FILE ? WALL_FILE : WALL_FOLDER))
			return -1;
	for (size_t i = 0; i < countof(devices); i++)
		if (allow_path(rules, devices[i], WALL_FILE))
			return -1;
	/* Not all of /etc/ssl: a service that may read the keys in it must not hand them on. */
	return allow_path(rules, helpers, WALL_FOLDER) || allow_path(rules, packages, WALL_FOLDER) ? -1 : 0;
}

status root_restrict(const struct root_plan *plan, const char *helpers, const char *packages, int port)
{
	if (!wall_abi())
		return 0;
	AUTO(fd) rules = { wall_open(port) };
	if (rules.n < 0)
		return err_errno("landlock: rules");
	if (allow_plan(rules.n, plan, helpers, packages))
		return -1;
	return wall_close_in(rules.n) < 0 ? err_errno("landlock: restrict") : 0;
}
