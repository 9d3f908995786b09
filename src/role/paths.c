/* SPDX-License-Identifier: Apache-2.0 */
/* paths: the data directory, its lock, the secret, the settings. Start-up code, may block. */
#include "role/role.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/err.h"
#include "base/id.h"

enum { FILE_MAX = 1 << 20, SECRET_LEN = 48 };

extern char **environ;

/* mkdir -p; existing directories are fine. */
static status make_dirs(struct arena *mem, struct str path)
{
	char *p = arena_cstr(mem, path);
	for (char *slash = strchr(p + 1, '/');; slash = strchr(slash + 1, '/')) {
		if (slash)
			*slash = 0;
		if (mkdir(p, 0700) < 0 && errno != EEXIST)
			return err_errno("create directory %s", p);
		if (!slash)
			return 0;
		*slash = '/';
	}
}

static struct str default_data_dir(struct arena *mem)
{
	const char *base = getenv("XDG_DATA_HOME");
	const char *home = getenv("HOME");
	if (geteuid() == 0)
		return S("/var/lib/tatara");
	if (base && *base)
		return arena_printf(mem, "%s/tatara", base);
	return arena_printf(mem, "%s/.local/share/tatara", home && *home ? home : ".");
}

status data_dir_open(struct arena *mem, struct str given, struct str *out)
{
	struct str path = given;
	if (!path.len)
		path = str_c(getenv("TATARA_DATA"));
	if (!path.len)
		path = default_data_dir(mem);
	while (path.len > 1 && path.at[path.len - 1] == '/')
		path.len--;
	/* SQLite and others make files there with modes of their own: all are this user's alone. */
	umask(077);
	if (make_dirs(mem, arena_printf(mem, "%.*s/run", STR(path))))
		return err_wrap("open the data directory (choose another with --data DIR)");
	char *real = realpath(arena_cstr(mem, path), NULL);
	if (!real)
		return err_errno("data directory %.*s", STR(path));
	*out = arena_str(mem, str_c(real));
	free(real);
	return 0;
}

status data_dir_lock(struct arena *mem, struct str data_dir)
{
	char *path = arena_cstr(mem, arena_printf(mem, "%.*s/run/lock", STR(data_dir)));
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno("open %s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		char pid[32] = "";
		ssize_t n = read(fd, pid, sizeof(pid) - 1);
		close(fd);
		pid[n > 0 ? n : 0] = 0;
		return err_set(ERR_BUSY,
			       "The data directory %.*s is in use by another server (pid %s). Stop "
			       "it, or choose another directory with --data DIR.",
			       STR(data_dir), pid[0] ? pid : "unknown");
	}
	/* The descriptor stays open: the lock ends with the process, however it ends. */
	struct str pid = arena_printf(mem, "%d", (int)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid.at, pid.len, 0) != (ssize_t)pid.len)
		return err_errno("write %s", path);
	return 0;
}

static status read_file(struct arena *mem, const char *path, struct str *out)
{
	AUTO(fd) f = { open(path, O_RDONLY | O_CLOEXEC) };
	if (f.n < 0)
		return err_errno("open %s", path);
	char *at = arena_text(mem, FILE_MAX);
	size_t len = 0;
	for (ssize_t n; (n = read(f.n, at + len, FILE_MAX - len)) != 0; len += (size_t)n) {
		if (n < 0)
			return err_errno("read %s", path);
		if (len + (size_t)n == FILE_MAX)
			return err_set(ERR_TOO_LARGE, "%s is larger than 1 MiB", path);
	}
	*out = str_of(at, len);
	return 0;
}

/* Written whole or not at all: two processes may start at once. */
static status write_secret(struct arena *mem, const char *path, struct str secret)
{
	char *part = arena_cstr(mem, arena_printf(mem, "%s.%d", path, (int)getpid()));
	AUTO(fd) f = { open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) };
	if (f.n < 0)
		return err_errno("create %s", part);
	if (write(f.n, secret.at, secret.len) != (ssize_t)secret.len || fsync(f.n) < 0)
		return err_errno("write %s", part);
	int linked = link(part, path);
	int why = errno;
	unlink(part);
	errno = why;
	return linked < 0 && why != EEXIST ? err_errno("create %s", path) : 0;
}

status secret_load(struct arena *mem, struct str data_dir, const struct config *config,
		   struct str *out)
{
	struct str set = config_str(config, CONFIG_SECRET_KEY);
	if (set.len) {
		*out = set;
		return 0;
	}
	char *path = arena_cstr(mem, arena_printf(mem, "%.*s/secret", STR(data_dir)));
	if (access(path, F_OK) < 0 && write_secret(mem, path, id_token(mem, SECRET_LEN)))
		return -1;
	if (read_file(mem, path, out))
		return -1;
	*out = str_trim(*out);
	if (out->len < 16)
		return err_set(ERR_INVALID, "%s is shorter than 16 characters: put the secret back "
					    "that it held, or set SECRET_KEY.", path);
	return 0;
}

/* at == NULL: there is none. */
static struct str env_file_path(struct arena *mem, struct str data_dir, struct str given)
{
	struct str path = given.len ? given : str_c(getenv("TATARA_ENV_FILE"));
	if (path.len)
		return path;
	struct str in_data = arena_printf(mem, "%.*s/.env", STR(data_dir));
	if (access(in_data.at, R_OK) == 0)
		return in_data;
	return access(".env", R_OK) == 0 ? S(".env") : (struct str){ 0 };
}

status settings_load(struct arena *mem, struct str data_dir, struct str env_file,
		     struct config **out)
{
	struct str path = env_file_path(mem, data_dir, env_file);
	struct str text = { 0 };
	if (path.at && read_file(mem, arena_cstr(mem, path), &text))
		return -1;
	return config_load(mem, (const char *const *)environ, text, out);
}
