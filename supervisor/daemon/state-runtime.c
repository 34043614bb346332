/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state-runtime.c - what instances have in the runtime folder: listening sockets, logs, the sockets
 * on which shims wait, and the records by which a successor of this daemon finds them.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "lib/fs.h"
#include "lib/name.h"
#include "supervisor/daemon/record.h"
#include "supervisor/daemon/state-folders.h"
#include "supervisor/daemon/sweep.h"
#include "supervisor/daemon/unit-record.h"

#define TOLD_MARK '~' /* before the name of a record whose end was told */

static int socket_dir(struct ms_folders *s, const char *key, struct ms_error *err)
{
	return ms_state_open_dir(s->sockets, key, 0755, err);
}

int ms_state_bind(struct ms_folders *s, const char *key, struct ms_str name, char *ret_path,
		  size_t path_len, int *ret_fd, struct ms_error *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	ms_auto_fd int dir = socket_dir(s, key, err), fd = -EBADF;
	char file[32];
	int n;

	if (dir < 0)
		return dir;
	(void)snprintf(file, sizeof(file), "%.*s.sock", (int)name.len, name.p); /* 15 + 5 bytes */
	n = snprintf(ret_path, path_len, "%s/s/%s/%s", s->runtime_path, key, file);
	if (n < 0 || (size_t)n >= path_len || (size_t)n >= sizeof(addr.sun_path))
		return ms_error_say(err, ENAMETOOLONG, MS_REASON_INTERNAL, "socket path too long");
	memcpy(addr.sun_path, ret_path, (size_t)n + 1);
	if (unlinkat(dir, file, 0) < 0 && errno != ENOENT)
		return ms_error_set(err, errno, "remove the old socket '%s'", ret_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ms_error_set(err, errno, "make a socket");
	/* not listening yet: the module's own process calls listen(2), so that SO_PEERCRED of a
	 * client names it */
	if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return ms_error_set(err, errno, "bind '%s'", ret_path);
	if (fchmodat(dir, file, 0660, 0) < 0)
		return ms_error_set(err, errno, "set the mode of '%s'", ret_path);
	*ret_fd = MS_TAKE_FD(fd);
	return 0;
}

void ms_state_unbind(struct ms_folders *s, const char *key, struct ms_str name)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/%.*s.sock", key, (int)name.len,
		       name.p);			       /* always fits */
	(void)unlinkat(s->sockets, path, 0);	       /* gone is what is wanted */
	(void)unlinkat(s->sockets, key, AT_REMOVEDIR); /* another socket may still be there */
}

static int open_logs(struct ms_folders *s, const char *instance, int flags, int ret_fds[static 2],
		     struct ms_error *err)
{
	int fds[2] = {-EBADF, -EBADF};

	for (int i = 0; i < 2; i++) {
		char file[32];

		(void)snprintf(file, sizeof(file), "%s.%d", instance, i); /* always fits */
		fds[i] = openat(s->logs, file, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fds[i] < 0) {
			int code = errno;

			fds[0] = ms_fd_close(fds[0]);
			return ms_error_set(err, code, "open the log '%s'", file);
		}
	}
	ret_fds[0] = fds[0];
	ret_fds[1] = fds[1];
	return 0;
}

int ms_state_logs(struct ms_folders *s, const char *instance, int ret_fds[static 2],
		  struct ms_error *err)
{
	return open_logs(s, instance, O_WRONLY | O_CREAT | O_TRUNC, ret_fds, err);
}

int ms_state_read_logs(struct ms_folders *s, const char *instance, int ret_fds[static 2],
		       struct ms_error *err)
{
	return open_logs(s, instance, O_RDONLY | O_NONBLOCK, ret_fds, err);
}

void ms_state_drop_logs(struct ms_folders *s, const char *instance)
{
	for (int i = 0; i < 2; i++) {
		char file[32];

		(void)snprintf(file, sizeof(file), "%s.%d", instance, i); /* always fits */
		(void)unlinkat(s->logs, file, 0); /* gone is what is wanted */
	}
}

void ms_state_shim_path(const struct ms_folders *s, const char *instance, char *ret, size_t len)
{
	(void)snprintf(ret, len, "%s/shims/%s", s->runtime_path,
		       instance); /* at most 64 + 7 + 16 bytes */
}

int ms_state_bind_shim(struct ms_folders *s, const char *instance, int *ret_fd,
		       struct ms_error *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	ms_auto_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return ms_error_set(err, errno, "make a socket");
	ms_state_shim_path(s, instance, addr.sun_path, sizeof(addr.sun_path));
	if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return ms_error_set(err, errno, "bind '%s'", addr.sun_path);
	*ret_fd = MS_TAKE_FD(fd);
	return 0;
}

/* Whole or not at all. No fsync: it outlives this daemon, not the boot, and so does the page cache.
 */
static int put_whole(int dir, const char *name, const void *data, size_t len, struct ms_error *err)
{
	char temporary[32];
	ms_auto_fd int fd = -EBADF;
	int r;

	(void)snprintf(temporary, sizeof(temporary), ".%s", name); /* names are short */
	fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return ms_error_set(err, errno, "write a record");
	r = ms_fs_write_all(fd, data, len);
	if (r == 0 && renameat(dir, temporary, dir, name) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(dir, temporary, 0); /* half of one is none */
	return r < 0 ? ms_error_set(err, -r, "write a record") : 0;
}

static void read_whole(int dir, const char *file, const char *name, bool told, void *buf,
		       size_t cap, ms_state_record_fn fn, void *arg)
{
	ms_auto_fd int fd = openat(dir, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t n = fd < 0 ? -errno : ms_fs_read_all(fd, buf, cap);

	fn(arg, name, told, n < 0 ? NULL : buf, n < 0 ? 0 : (size_t)n);
}

static void each_whole(int folder, bool (*is_name)(const char *), size_t cap, ms_state_record_fn fn,
		       void *arg)
{
	ms_auto_free void *buf = malloc(cap);
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;

	while (buf && dir && (e = readdir(dir))) { /* NOLINT(concurrency-mt-unsafe): one thread */
		const char *name = e->d_name;
		const bool told = name[0] == TOLD_MARK;

		if (is_name(name + told))
			read_whole(folder, name, name + told, told, buf, cap, fn, arg);
		else if (name[0] == '.' && is_name(name + 1))
			(void)unlinkat(folder, name, 0); /* a write that a death cut short */
	}
	if (dir)
		(void)closedir(dir); /* only read */
}

int ms_state_put_record(struct ms_folders *s, const char *instance, const void *data, size_t len,
			struct ms_error *err)
{
	return put_whole(s->records, instance, data, len, err);
}

void ms_state_tell_record(struct ms_folders *s, const char *instance)
{
	char told[32];

	(void)snprintf(told, sizeof(told), "%c%s", TOLD_MARK, instance); /* always fits */
	if (renameat(s->records, instance, s->records, told) < 0)
		(void)unlinkat(s->records, instance, 0); /* else its end would be told twice */
}

void ms_state_drop_record(struct ms_folders *s, const char *instance)
{
	char told[32];

	(void)snprintf(told, sizeof(told), "%c%s", TOLD_MARK, instance); /* always fits */
	(void)unlinkat(s->records, instance, 0); /* gone is what is wanted */
	(void)unlinkat(s->records, told, 0);	 /* the same */
	(void)unlinkat(s->shims, instance, 0);	 /* the same */
}

static bool is_instance(const char *name)
{
	return ms_name_is_instance(name, strlen(name));
}

void ms_state_each_record(struct ms_folders *s, ms_state_record_fn fn, void *arg)
{
	each_whole(s->records, is_instance, MS_MAX_RECORD_BYTES, fn, arg);
}

int ms_state_put_unit(struct ms_folders *s, uint32_t n, const void *data, size_t len,
		      struct ms_error *err)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "%u", n); /* always fits */
	return put_whole(s->units, name, data, len, err);
}

void ms_state_drop_unit(struct ms_folders *s, uint32_t n)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "%u", n); /* always fits */
	(void)unlinkat(s->units, name, 0);	     /* gone is what is wanted */
}

static bool is_number(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= 10 && strspn(name, "0123456789") == len;
}

void ms_state_each_unit(struct ms_folders *s, ms_state_record_fn fn, void *arg)
{
	each_whole(s->units, is_number, MS_MAX_UNIT_RECORD_BYTES, fn, arg);
}

void ms_state_sweep(struct ms_folders *s, bool (*is_known)(void *data, const char *instance_or_key),
		    void *data)
{
	ms_sweep_logs(s->logs, is_known, data);
	ms_sweep_sockets(s->sockets, is_known, data);
	ms_sweep_shims(s->shims, is_known, data);
}
