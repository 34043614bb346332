/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control.c - the control socket itself: where it stands, whether somebody else serves it, who may
 * come in. Whoever may not gets one line that says why. Called by main.c.
 */
#include "supervisor/daemon/control.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "lib/log.h"
#include "supervisor/daemon/control-peer.h"
#include "supervisor/daemon/supervisor.h"

#define BACKLOG		 64
#define ACCEPTS_A_TURN	 16u
#define RETRY_USEC	 200000u   /* after the host ran out of descriptors */
#define REFUSAL_LOG_USEC 10000000u /* at most one line about refused peers in this time */
#define SOCKET_PATH_MAX	 (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

struct ms_control {
	struct ms_supervisor *s; /* borrowed */
	char *path, *dir;	 /* owned: the socket, and where it stands */
	int fd;
	int spare;	/* given up for a moment to refuse a peer when there is no other */
	struct stat st; /* of our socket file, so that a successor's is never removed */
	sd_event_source *io, *retry; /* retry: made at once, as it needs a descriptor itself */
	struct ms_control_peers peers;
	bool is_short; /* of descriptors, since an accept failed and until one succeeds */
	uint64_t refusal_logged_usec, short_logged_usec;
	uint32_t refusals_unlogged;
};

/* -- who comes in -- */

static void tell_and_close(int take_fd, const struct ms_error *err)
{
	ms_auto_fd int fd = take_fd;
	struct ms_rpc_line line;
	struct iovec iov[2];
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

	if (!ms_rpc_refusal(err, &line))
		return;
	iov[0] = (struct iovec){.iov_base = line.head, .iov_len = line.head_len};
	iov[1] = (struct iovec){.iov_base = (void *)(uintptr_t)line.tail,
				.iov_len = strlen(line.tail)};
	/* a fresh socket has room for one line; a peer that is gone already does not miss it */
	MS_IGNORE(sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL)); /* as above */
	ms_rpc_line_done(&line);
}

static uint64_t now_usec(void)
{
	struct timespec ts = {0};

	(void)clock_gettime(CLOCK_BOOTTIME, &ts); /* cannot fail */
	return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

static void log_refusal(struct ms_control *control, const struct ucred *cred, const char *why)
{
	uint64_t now = now_usec();

	if (control->refusal_logged_usec && now - control->refusal_logged_usec < REFUSAL_LOG_USEC) {
		control->refusals_unlogged++;
		return;
	}
	ms_log(MS_LOG_WARNING, "control: pid %d of user %u is refused: %s (%u more not logged)",
	       (int)cred->pid, (unsigned)cred->uid, why, control->refusals_unlogged);
	control->refusal_logged_usec = now;
	control->refusals_unlogged = 0;
}

static enum ms_role role_of(const struct ucred *cred)
{
	return cred->uid == 0 || cred->uid == geteuid() ? MS_ROLE_ADMIN : MS_ROLE_NONE;
}

static void admit(struct ms_control *control, int take_fd)
{
	struct ms_error err = MS_ERROR_INIT;
	struct ucred cred = {.uid = (uid_t)-1};
	socklen_t len = sizeof(cred);
	enum ms_role role;
	int r;

	if (getsockopt(take_fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0) {
		(void)ms_fd_close(take_fd); /* -EBADF */
		return;
	}
	role = role_of(&cred);
	if (role == MS_ROLE_NONE) {
		MS_IGNORE(
			ms_error_say(&err, EACCES, MS_REASON_ROLE_FORBIDS,
				     "user %u has no role here: this socket serves the role admin, "
				     "for user 0 and user %u",
				     (unsigned)cred.uid, (unsigned)geteuid())); /* sent */
		log_refusal(control, &cred, "no role");
		tell_and_close(take_fd, &err);
		return;
	}
	if (control->peers.n >= MS_MAX_PEERS) {
		MS_IGNORE(ms_error_say(&err, EBUSY, MS_REASON_BUSY,
				       "%u connections are open, the most",
				       control->peers.n)); /* sent */
		log_refusal(control, &cred, "too many connections");
		tell_and_close(take_fd, &err);
		return;
	}
	r = ms_control_peer_new(&control->peers, control->s, role, take_fd);
	if (r < 0)
		ms_log(MS_LOG_ERROR, "control: a connection cannot be served: %s", strerror(-r));
}

static int on_retry(sd_event_source *source MS_UNUSED, uint64_t usec MS_UNUSED, void *data)
{
	struct ms_control *control = data;

	return sd_event_source_set_enabled(control->io, SD_EVENT_ON);
}

/* One line for each time that it begins, and not more often than refusals. */
static void log_short(struct ms_control *control, int error)
{
	uint64_t now = now_usec();

	if (control->is_short)
		return;
	control->is_short = true;
	if (control->short_logged_usec && now - control->short_logged_usec < REFUSAL_LOG_USEC)
		return;
	ms_log(MS_LOG_ERROR, "control: connections are refused for now: %s", strerror(error));
	control->short_logged_usec = now;
}

static int open_spare(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Say so to the first in the backlog. 0, -EAGAIN when nobody is (an accept without descriptors does
 * not look), or -errno. */
static int refuse_one(struct ms_control *control)
{
	struct ms_error err = MS_ERROR_INIT;
	int peer, r;

	if (control->spare < 0)
		control->spare = open_spare();
	if (control->spare < 0)
		return -errno;
	control->spare = ms_fd_close(control->spare);
	peer = accept4(control->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	r = peer < 0 ? -errno : 0;
	if (peer >= 0) {
		MS_IGNORE(ms_error_say(&err, EBUSY, MS_REASON_BUSY,
				       "the supervisor has no file descriptor left")); /* sent */
		tell_and_close(peer, &err);
	}
	control->spare = open_spare(); /* else by the next call */
	return r;
}

/* The connection stays in the backlog, so listening on would spin. */
static void pause_accept(struct ms_control *control)
{
	if (sd_event_source_set_time_relative(control->retry, RETRY_USEC) < 0 ||
	    sd_event_source_set_enabled(control->retry, SD_EVENT_ONESHOT) < 0)
		return; /* then it spins, which is better than being deaf */
	MS_IGNORE(sd_event_source_set_enabled(control->io, SD_EVENT_OFF)); /* as above */
}

static bool is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS;
}

static int on_connect(sd_event_source *source MS_UNUSED, int fd, uint32_t events MS_UNUSED,
		      void *data)
{
	struct ms_control *control = data;

	for (unsigned turn = 0; turn < ACCEPTS_A_TURN; turn++) {
		int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), r;

		if (peer >= 0) {
			control->is_short = false;
			admit(control, peer);
		} else if (is_shortage(errno)) {
			log_short(control, errno);
			r = refuse_one(control);
			if (r < 0 && r != -EAGAIN)
				pause_accept(control);
			if (r < 0)
				break;
		} else if (errno != ECONNABORTED && errno != EINTR) {
			break; /* EAGAIN */
		}
	}
	return 0;
}

/* -- where it stands -- */

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

/* Born with mode 0600: no moment in which others could connect. */
static int bind_private(int fd, const struct sockaddr_un *address)
{
	mode_t saved = umask(0177);
	int r = bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;

	(void)umask(saved); /* cannot fail */
	return r;
}

static int open_socket(struct ms_control *control, struct ms_error *err)
{
	struct sockaddr_un address;
	int r;

	r = fill_address(control->path, &address, err);
	if (r < 0)
		return r;
	control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (control->fd < 0)
		return ms_error_set(err, errno, "make a socket");
	r = bind_private(control->fd, &address);
	if (r == -EADDRINUSE) {
		r = clear_stale(control->path, &address, err);
		if (r < 0)
			return r;
		r = bind_private(control->fd, &address);
	}
	if (r < 0)
		return ms_error_set(err, -r, "bind the control socket '%s'", control->path);
	if (stat(control->path, &control->st) < 0)
		return ms_error_set(err, errno, "look at '%s'", control->path);
	if (listen(control->fd, BACKLOG) < 0)
		return ms_error_set(err, errno, "listen on '%s'", control->path);
	return 0;
}

/**
 * ms_control_open() - serve the control socket on the supervisor's loop.
 * @s: must outlive it
 * @path: where; a stale socket file is replaced
 * @ret: owned by the caller
 * @err: filled on failure
 * Return: 0 or -errno.
 */
int ms_control_open(struct ms_supervisor *s, const char *path, struct ms_control **ret,
		    struct ms_error *err)
{
	struct ms_control *control = calloc(1, sizeof(*control));
	int r;

	if (!control)
		return ms_error_say(err, ENOMEM, MS_REASON_OOM, "out of memory");
	control->s = s;
	control->fd = control->spare = -EBADF;
	control->path = strdup(path);
	control->dir = strndup(path, strrchr(path, '/') ? (size_t)(strrchr(path, '/') - path) : 0);
	control->peers.dir = control->dir;
	if (!control->path || !control->dir) {
		(void)ms_control_close(control); /* NULL */
		return ms_error_say(err, ENOMEM, MS_REASON_OOM, "out of memory");
	}
	r = open_socket(control, err);
	if (r < 0) {
		(void)ms_control_close(control); /* NULL */
		return r;
	}
	control->spare = open_spare(); /* without it peers wait instead of being told */
	r = sd_event_add_io(s->loop, &control->io, control->fd, EPOLLIN, on_connect, control);
	if (r >= 0)
		r = sd_event_add_time_relative(s->loop, &control->retry, CLOCK_MONOTONIC,
					       RETRY_USEC, 0, on_retry, control);
	if (r >= 0)
		r = sd_event_source_set_enabled(control->retry, SD_EVENT_OFF);
	if (r < 0) {
		(void)ms_control_close(control); /* NULL */
		return ms_error_set(err, -r, "watch the control socket");
	}
	*ret = control;
	return 0;
}

/**
 * ms_control_close() - end every connection and remove the socket file if it is still ours.
 * @control: or NULL
 * Return: NULL.
 */
struct ms_control *ms_control_close(struct ms_control *control)
{
	struct stat st;

	if (!control)
		return NULL;
	control->io = sd_event_source_disable_unref(control->io);
	control->retry = sd_event_source_disable_unref(control->retry);
	ms_control_peers_done(&control->peers);
	if (control->st.st_ino && lstat(control->path, &st) == 0 &&
	    st.st_ino == control->st.st_ino && st.st_dev == control->st.st_dev)
		MS_IGNORE(unlink(control->path)); /* the next one replaces a stale file */
	control->fd = ms_fd_close(control->fd);
	control->spare = ms_fd_close(control->spare);
	free(control->path);
	free(control->dir);
	free(control);
	return NULL;
}
