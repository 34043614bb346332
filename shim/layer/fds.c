/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fds.c - what a module finds open: 0, 1, 2, then its listening sockets from 3. Everything else
 * closes at exec, and none of the given may be a folder or a cgroup or procfs file (a way out of
 * the new root, CVE-2024-21626).
 */
#include <sys/ioctl.h>
#include <termios.h>

#include "lib/layers.h"
#include "lib/sys.h"
#include "shim/layer/layer.h"

#define FIRST_LISTEN 3
#define PARK_FROM    100 /* above every final number */

/* A copy above the final numbers, closed at exec. */
static int park(int fd)
{
	return ms_sys_fcntl(fd, F_DUPFD_CLOEXEC, PARK_FROM);
}

static int check_kind(int fd, struct ms_error *err)
{
	struct stat st;
	int r = ms_sys_fstat(fd, &st);

	if (r < 0)
		return ms_error_set(err, -r, "stat of descriptor %d", fd);
	if (S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode) || S_ISBLK(st.st_mode))
		return ms_error_set(err, EPERM, "descriptor %d is not one that a module may have",
				    fd);
	return 0;
}

static int place(int from, int to, struct ms_error *err)
{
	int r = ms_sys_dup3(from, to, 0); /* the one place where a descriptor survives exec */

	if (r < 0)
		return ms_error_set(err, -r, "place descriptor %d", to);
	return check_kind(to, err);
}

/* Where 0, 1 and 2 come from; parked copies. */
static int standard_sources(struct ms_shim *shim, int ret[static 3], struct ms_error *err)
{
	static const enum ms_fd_role roles[3] = {MS_FD_STDIN, MS_FD_STDOUT, MS_FD_STDERR};
	int tty = ms_shim_fd(shim, MS_FD_TTY);

	for (int i = 0; i < 3; i++) {
		int fd = tty >= 0 ? tty : ms_shim_fd(shim, roles[i]);

		if (fd < 0 && i > 0)
			fd = shim->log_pipes[i - 1]; /* its write end, in the child */
		if (fd < 0)
			fd = ms_sys_openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC | O_NOFOLLOW,
					   0);
		if (fd < 0)
			return ms_error_set(err, -fd, "open /dev/null");
		ret[i] = park(fd);
		if (ret[i] < 0)
			return ms_error_set(err, -ret[i], "copy descriptor for %d", i);
	}
	return 0;
}

/* The test build without this layer: what the shim held goes on to the module. */
static int leak(int from)
{
	for (int fd = from; fd < PARK_FROM; fd++)
		MS_IGNORE(ms_sys_fcntl(fd, F_SETFD, 0)); /* most numbers are not open */
	return 0;
}

int ms_layer_fds_arrange(struct ms_shim *shim, int *sync, struct ms_error *err)
{
	int standard[3], listen[MS_MAX_LISTEN], n_listen = 0, r;

	r = park(*sync);
	if (r < 0)
		return ms_error_set(err, -r, "copy the sync socket");
	*sync = r;
	shim->proc = -EBADF; /* goes with the rest: nothing after this step reads it */
	r = standard_sources(shim, standard, err);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < shim->plan.n_fds; i++) {
		if (shim->plan.fds[i] != MS_FD_LISTEN)
			continue;
		/* listen(2) here and now, as the module: SO_PEERCRED of its clients names it, and
		 * connections queue */
		r = ms_sys_listen(shim->fds[i], 4096);
		if (r < 0)
			return ms_error_set(err, -r, "listen on socket %d", n_listen);
		listen[n_listen] = park(shim->fds[i]);
		if (listen[n_listen] < 0)
			return ms_error_set(err, -listen[n_listen], "copy socket %d", n_listen);
		n_listen++;
	}
	for (int i = 0; i < 3; i++) {
		r = place(standard[i], i, err);
		if (r < 0)
			return r;
	}
	if (shim->plan.flags & MS_PLAN_TIOCSCTTY) {
		r = ms_sys_ioctl(0, TIOCSCTTY, NULL);
		if (r < 0)
			return ms_error_set(err, -r, "make the terminal the controlling one");
	}
	for (int i = 0; i < n_listen; i++) {
		r = place(listen[i], FIRST_LISTEN + i, err);
		if (r < 0)
			return r;
	}
	if (!MS_LAYER_ON(FDS))
		return leak(FIRST_LISTEN + n_listen);
	/* the sync socket stays until exec or failure; all else between is closed now */
	r = ms_sys_close_range((unsigned)(FIRST_LISTEN + n_listen), (unsigned)*sync - 1, 0);
	if (r == 0)
		r = ms_sys_close_range((unsigned)*sync + 1, ~0u, 0);
	return r < 0 ? ms_error_set(err, -r, "close what is not the module's") : 0;
}
