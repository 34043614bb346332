/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control-socket.c - where a control socket stands, whether somebody else serves it, how far it is
 * open. Who may come in is control.c's, by credentials. Must never follow a link below a folder
 * that may be mounted into a container. Called by control.c.
 */
#include "supervisor/daemon/control-socket.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define BACKLOG		64
#define SOCKET_PATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

static int fill_address(const char *path, struct sockaddr_un *ret, struct ms_error *err)
{
	size_t len = strlen(path);

	if (len > SOCKET_PATH_MAX) {
		MS_IGNORE(ms_error_say(err, ENAMETOOLONG, MS_REASON_CONFIG_INVALID,
				       "the path of the control socket has %zu bytes, and the "
				       "kernel takes at most %zu",
				       len, SOCKET_PATH_MAX)); /* the next returns it */
		return ms_error_hint(err, "choose a folder with a shorter path");
	}
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(ret->sun_path, path, len);
	return 0;
}

/* Something has our name already: remove it when nobody serves it any more. */
static int clear_stale(const char *path, const struct sockaddr_un *address, struct ms_error *err)
{
	ms_auto_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;

	if (fd < 0)
		return ms_error_set(err, errno, "make a socket");
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : ms_error_set(err, errno, "look at '%s'", path);
	if (!S_ISSOCK(st.st_mode)) {
		MS_IGNORE(ms_error_say(err, EEXIST, MS_REASON_CONFLICT, "'%s' is not a socket",
				       path)); /* the next returns it */
		return ms_error_hint(err, "move it away: the control socket stands there");
	}
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
	    errno == EAGAIN) { /* a full backlog is a living one */
		MS_IGNORE(ms_error_say(err, EADDRINUSE, MS_REASON_CONFLICT,
				       "another modsupd serves '%.*s'",
				       (int)(strrchr(path, '/') ? strrchr(path, '/') - path : 0),
				       path)); /* the next returns it */
		return ms_error_hint(err, "stop that one, or use another folder");
	}
	if (errno != ECONNREFUSED && errno != ENOENT)
		return ms_error_set(err, errno, "connect to '%s', which is there already", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return ms_error_set(err, errno, "remove the stale socket '%s'", path);
	return 0;
}

/* The folder may be mounted into a container: what stands there may be anything, and is never
 * followed. A folder stays, as it could hold somebody's files. */
static int clear_ours(const char *path, struct ms_error *err)
{
	if (unlink(path) == 0 || errno == ENOENT)
		return 0;
	MS_IGNORE(ms_error_set(err, errno, "remove '%s'", path)); /* the next returns it */
	return ms_error_hint(err, "move it away: a control socket stands there");
}

/* Born with mode 0600: no moment in which others could connect. */
static int bind_private(int fd, const struct sockaddr_un *address)
{
	mode_t saved = umask(0177);
	int r = bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;

	(void)umask(saved); /* cannot fail */
	return r;
}

/**
 * ms_control_socket_open() - listen on a socket file that only its owner can connect to.
 * @socket_: MS_CONTROL_SOCKET_INIT; closed by the caller also on failure
 * @path: where; a stale file is replaced
 * @before: what it means when something stands there
 * @err: filled on failure
 * Return: 0 or -errno.
 */
int ms_control_socket_open(struct ms_control_socket *socket_, const char *path,
			   enum ms_control_before before, struct ms_error *err)
{
	struct sockaddr_un address;
	int r;

	socket_->path = strdup(path);
	if (!socket_->path)
		return ms_error_say(err, ENOMEM, MS_REASON_OOM, "out of memory");
	r = fill_address(socket_->path, &address, err);
	if (r < 0)
		return r;
	socket_->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (socket_->fd < 0)
		return ms_error_set(err, errno, "make a socket");
	r = bind_private(socket_->fd, &address);
	if (r == -EADDRINUSE) {
		r = before == MS_CONTROL_OURS ? clear_ours(path, err)
					      : clear_stale(path, &address, err);
		if (r < 0)
			return r;
		r = bind_private(socket_->fd, &address);
	}
	if (r < 0)
		return ms_error_set(err, -r, "bind the control socket '%s'", socket_->path);
	if (lstat(socket_->path, &socket_->st) < 0)
		return ms_error_set(err, errno, "look at '%s'", socket_->path);
	if (listen(socket_->fd, BACKLOG) < 0)
		return ms_error_set(err, errno, "listen on '%s'", socket_->path);
	return 0;
}

/* Ours still, as a descriptor that neither opens nor follows it. */
static int hold_file(const struct ms_control_socket *socket_, struct ms_error *err)
{
	int fd = open(socket_->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return ms_error_set(err, errno, "open '%s'", socket_->path);
	if (fstat(fd, &st) == 0 && st.st_ino == socket_->st.st_ino &&
	    st.st_dev == socket_->st.st_dev)
		return fd;
	(void)ms_fd_close(fd); /* -EBADF */
	return ms_error_say(err, ESTALE, MS_REASON_CONFLICT, "'%s' was replaced by somebody else",
			    socket_->path);
}

/**
 * ms_control_socket_access() - open the file as far as the configuration wants.
 *
 * Closed first, so that neither the old group with the new mode nor the new one with the old mode
 * is there for a moment.
 *
 * Return: 0 or -errno.
 */
int ms_control_socket_access(const struct ms_control_socket *socket_, mode_t mode, gid_t gid,
			     struct ms_error *err)
{
	ms_auto_fd int fd = hold_file(socket_, err);
	char self[32];
	struct stat st;

	if (fd < 0)
		return fd;
	if (gid == (gid_t)-1)
		gid = getegid();
	if (fstat(fd, &st) == 0 && (st.st_mode & 07777) == mode && st.st_gid == gid)
		return 0;
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd); /* fits */
	if (chmod(self, 0600) < 0 || fchownat(fd, "", (uid_t)-1, gid, AT_EMPTY_PATH) < 0 ||
	    chmod(self, mode) < 0)
		return ms_error_set(err, errno, "open '%s' to its peers", socket_->path);
	return 0;
}

/** ms_control_socket_close() - and remove the file if it is still ours. */
void ms_control_socket_close(struct ms_control_socket *socket_)
{
	struct stat st;

	if (socket_->st.st_ino && lstat(socket_->path, &st) == 0 &&
	    st.st_ino == socket_->st.st_ino && st.st_dev == socket_->st.st_dev)
		MS_IGNORE(unlink(socket_->path)); /* the next one replaces a stale file */
	socket_->fd = ms_fd_close(socket_->fd);
	free(socket_->path);
	*socket_ = MS_CONTROL_SOCKET_INIT;
}
