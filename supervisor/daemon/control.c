/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control.c - the three control sockets and who comes in by which:
 *
 *	control.sock		the role is what the peer's entry says; root needs none
 *	backend/control.sock	at most backend, whoever it is: for mounting into a container
 *	observer/control.sock	at most observer
 *
 * Whoever may not gets one line that says why. Must never decide by the mode of a file: the
 * kernel's word on who connected is all that counts. Called by main.c and reload.c.
 */
#include "supervisor/daemon/control.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/log.h"
#include "supervisor/daemon/control-peer.h"
#include "supervisor/daemon/control-socket.h"
#include "supervisor/daemon/stream.h"
#include "supervisor/daemon/supervisor.h"

#define ACCEPTS_A_TURN	 16u
#define RETRY_USEC	 200000u   /* after the host ran out of descriptors */
#define REFUSAL_LOG_USEC 10000000u /* at most one line about refused peers in this time */

/* One socket, and those who came in by it. */
struct door {
	struct ms_control *control; /* that it is part of */
	enum ms_role ceiling;	    /* of whoever comes in here */
	struct ms_control_socket socket;
	char *dir; /* owned: the folder of the socket */
	sd_event_source *io;
	struct ms_control_peers peers;
};

static const struct {
	const char *name; /* of the folder, "" = the runtime folder itself */
	enum ms_role ceiling;
} doors[] = {{"", MS_ROLE_ADMIN}, {"/backend", MS_ROLE_BACKEND}, {"/observer", MS_ROLE_OBSERVER}};

struct ms_control {
	struct ms_supervisor *s; /* borrowed */
	struct door doors[MS_ARRAY_LEN(doors)];
	int spare;		/* given up for a moment to refuse a peer when there is no other */
	sd_event_source *retry; /* made at once, as it needs a descriptor itself */
	bool is_short;		/* of descriptors, since an accept failed and until one succeeds */
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

struct groups {
	gid_t *list; /* owned */
	size_t n;
};

/* All of them: the first one, and the others as the kernel noted them when the peer connected. */
static int read_groups(int fd, gid_t first, struct groups *ret)
{
	gid_t *list = NULL;
	socklen_t len = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) < 0 && errno != ERANGE)
		len = 0; /* a kernel without it: by the first group alone */
	list = malloc(sizeof(gid_t) + len);
	if (!list)
		return -ENOMEM;
	list[0] = first;
	if (len && getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, list + 1, &len) < 0)
		len = 0;
	*ret = (struct groups){.list = list, .n = 1 + len / sizeof(gid_t)};
	return 0;
}

static bool is_own(uid_t uid)
{
	return uid == 0 || uid == geteuid();
}

/* What the peer behind @fd is by this door; @ret_entry is borrowed of the configuration. */
static int judge(const struct door *door, int fd, struct ucred *ret_cred, enum ms_role *ret_role,
		 const struct ms_peer_entry **ret_entry)
{
	const struct ms_config *config = door->control->s->config;
	socklen_t len = sizeof(*ret_cred);
	struct groups groups = {0};
	int r;

	*ret_role = MS_ROLE_NONE;
	*ret_entry = NULL;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret_cred, &len) < 0)
		return -errno;
	/* at the top, root is root: an entry that takes something from it would be for show */
	if (!(is_own(ret_cred->uid) && door->ceiling == MS_ROLE_ADMIN) && config->n_peers) {
		r = read_groups(fd, ret_cred->gid, &groups);
		if (r < 0)
			return r;
		*ret_entry = ms_peers_find(config, ret_cred->uid, groups.list, groups.n);
		free(groups.list);
	}
	if (*ret_entry)
		*ret_role = MS_MIN((*ret_entry)->role, door->ceiling);
	else if (is_own(ret_cred->uid))
		*ret_role = door->ceiling;
	return 0;
}

/* Is there room for one more? One user never has all the places that others need as well. */
static int check_room(const struct door *door, uid_t uid, struct ms_error *err)
{
	if (door->peers.n >= MS_MAX_PEERS)
		return ms_error_say(err, EBUSY, MS_REASON_BUSY, "%u connections are open, the most",
				    door->peers.n);
	if (!is_own(uid) && ms_control_peers_of(&door->peers, uid) >= MS_MAX_USER_PEERS)
		return ms_error_say(err, EBUSY, MS_REASON_BUSY,
				    "user %u has %u connections, the most of one user",
				    (unsigned)uid, MS_MAX_USER_PEERS);
	return 0;
}

static void admit(struct door *door, int take_fd)
{
	struct ms_control *control = door->control;
	struct ms_rpc_who who = {.ceiling = door->ceiling, .dir = door->dir};
	struct ucred cred = {.uid = (uid_t)-1};
	const struct ms_peer_entry *entry = NULL;
	struct ms_error err = MS_ERROR_INIT;
	int r;

	r = judge(door, take_fd, &cred, &who.role, &entry);
	if (r < 0) {
		ms_log(MS_LOG_ERROR, "control: who connected is not known: %s",
		       strerrordesc_np(-r));
		(void)ms_fd_close(take_fd); /* -EBADF */
		return;
	}
	if (who.role == MS_ROLE_NONE) {
		MS_IGNORE(ms_error_say(&err, EACCES, MS_REASON_ROLE_FORBIDS,
				       "user %u has no role here: no entry of the configuration's "
				       "peers means it or one of its groups",
				       (unsigned)cred.uid)); /* sent */
		log_refusal(control, &cred, "no role");
	} else if (check_room(door, cred.uid, &err) < 0) {
		log_refusal(control, &cred, "too many connections");
	}
	if (err.code) {
		tell_and_close(take_fd, &err);
		return;
	}
	who.uid = cred.uid;
	who.pid = cred.pid;
	if (entry)
		who.entry = ms_peer_dup(entry);
	r = entry && !who.entry
		    ? -ENOMEM
		    : ms_control_peer_new(&door->peers, control->s, &who, MS_TAKE_FD(take_fd));
	(void)ms_fd_close(take_fd); /* unless it was taken */
	if (r < 0)
		ms_log(MS_LOG_ERROR, "control: a connection cannot be served: %s",
		       strerrordesc_np(-r));
}

static int set_accepting(struct ms_control *control, int enabled)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < MS_ARRAY_LEN(control->doors); i++)
		r = sd_event_source_set_enabled(control->doors[i].io, enabled);
	return r;
}

static int on_retry(sd_event_source *source MS_UNUSED, uint64_t usec MS_UNUSED, void *data)
{
	struct ms_control *control = data;

	return set_accepting(control, SD_EVENT_ON);
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
static int refuse_one(struct ms_control *control, int fd)
{
	struct ms_error err = MS_ERROR_INIT;
	int peer, r;

	if (control->spare < 0)
		control->spare = open_spare();
	if (control->spare < 0)
		return -errno;
	control->spare = ms_fd_close(control->spare);
	peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
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
	MS_IGNORE(set_accepting(control, SD_EVENT_OFF)); /* as above */
}

static bool is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS;
}

static int on_connect(sd_event_source *source MS_UNUSED, int fd, uint32_t events MS_UNUSED,
		      void *data)
{
	struct door *door = data;
	struct ms_control *control = door->control;

	for (unsigned turn = 0; turn < ACCEPTS_A_TURN; turn++) {
		int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), r;

		if (peer >= 0) {
			control->is_short = false;
			admit(door, peer);
		} else if (is_shortage(errno)) {
			log_short(control, errno);
			r = refuse_one(control, fd);
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

/* -- the doors -- */

/* A folder of its own can be mounted where the runtime folder must not be seen. */
static int make_folder(const char *path, struct ms_error *err)
{
	ms_auto_fd int fd = -EBADF;
	struct stat st;

	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return ms_error_set(err, errno, "make '%s'", path);
	fd = open(path, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return ms_error_set(err, errno, "open '%s'", path);
	if (!is_own(st.st_uid) || (st.st_mode & 022)) {
		MS_IGNORE(ms_error_say(err, EPERM, MS_REASON_CONFLICT,
				       "'%s' can be written by others than root",
				       path)); /* the next returns it */
		return ms_error_hint(err, "move it away: modsupd makes it");
	}
	return 0;
}

static int open_door(struct door *door, size_t i, struct ms_error *err)
{
	struct ms_supervisor *s = door->control->s;
	char path[PATH_MAX];
	int r = 0;

	if (asprintf(&door->dir, "%s%s", s->runtime_dir, doors[i].name) < 0) {
		door->dir = NULL;
		return ms_error_say(err, ENOMEM, MS_REASON_OOM, "out of memory");
	}
	if (snprintf(path, sizeof(path), "%s/control.sock", door->dir) >= (int)sizeof(path))
		return ms_error_set(err, ENAMETOOLONG, "the control socket's path");
	if (doors[i].name[0])
		r = make_folder(door->dir, err);
	if (r == 0)
		r = ms_control_socket_open(&door->socket, path,
					   i ? MS_CONTROL_OURS : MS_CONTROL_CONTESTED, err);
	if (r < 0)
		return r;
	r = sd_event_add_io(s->loop, &door->io, door->socket.fd, EPOLLIN, on_connect, door);
	return r < 0 ? ms_error_set(err, -r, "watch the control socket") : 0;
}

static int open_doors(struct ms_control *control, struct ms_error *err)
{
	sd_event *loop = control->s->loop;
	int r = 0;

	for (size_t i = 0; r == 0 && i < MS_ARRAY_LEN(control->doors); i++)
		r = open_door(&control->doors[i], i, err);
	if (r < 0)
		return r;
	control->spare = open_spare(); /* without it peers wait instead of being told */
	r = sd_event_add_time_relative(loop, &control->retry, CLOCK_MONOTONIC, RETRY_USEC, 0,
				       on_retry, control);
	if (r >= 0)
		r = sd_event_source_set_enabled(control->retry, SD_EVENT_OFF);
	if (r < 0)
		return ms_error_set(err, -r, "watch the control socket");
	return ms_control_open_to_peers(control, err);
}

/**
 * ms_control_open() - serve the control sockets of the runtime folder on the supervisor's loop.
 * @s: must outlive it
 * @ret: owned by the caller
 * @err: filled on failure
 * Return: 0 or -errno.
 */
int ms_control_open(struct ms_supervisor *s, struct ms_control **ret, struct ms_error *err)
{
	struct ms_control *control = calloc(1, sizeof(*control));
	int r;

	if (!control)
		return ms_error_say(err, ENOMEM, MS_REASON_OOM, "out of memory");
	control->s = s;
	control->spare = -EBADF;
	for (size_t i = 0; i < MS_ARRAY_LEN(doors); i++)
		control->doors[i] = (struct door){.control = control,
						  .ceiling = doors[i].ceiling,
						  .socket = MS_CONTROL_SOCKET_INIT};
	r = open_doors(control, err);
	if (r < 0) {
		(void)ms_control_close(control); /* NULL */
		return r;
	}
	*ret = control;
	return 0;
}

/**
 * ms_control_open_to_peers() - the sockets' files as open as the configuration in force wants.
 * @control: the sockets
 * @err: filled on failure; then some may be narrower than wanted, none is wider
 * Return: 0 or -errno.
 */
int ms_control_open_to_peers(struct ms_control *control, struct ms_error *err)
{
	gid_t gid;
	mode_t mode = ms_peers_access(control->s->config, &gid);
	int r = 0;

	for (size_t i = 0; r == 0 && i < MS_ARRAY_LEN(control->doors); i++)
		r = ms_control_socket_access(&control->doors[i].socket, mode, gid, err);
	return r;
}

static bool still_fits(const struct door *door, const struct ms_control_peer *peer)
{
	const struct ms_rpc_peer *rpc = ms_control_peer_rpc(peer);
	const struct ms_peer_entry *entry;
	enum ms_role role;
	struct ucred cred;

	return judge(door, ms_control_peer_fd(peer), &cred, &role, &entry) == 0 &&
	       role == rpc->role && ms_peer_same(rpc->entry, entry);
}

/**
 * ms_control_review() - after a change of the configuration: end every connection whose entry is
 * gone or another one. Their answers under way are sent first.
 * @control: the sockets
 * Return: how many.
 */
uint32_t ms_control_review(struct ms_control *control)
{
	struct ms_error err = MS_ERROR_INIT;
	uint32_t n = 0;

	MS_IGNORE(ms_error_say(&err, EACCES, MS_REASON_ROLE_FORBIDS,
			       "the configuration was read again, and what it says about this "
			       "peer has changed"));	 /* the next returns it */
	MS_IGNORE(ms_error_hint(&err, "connect again")); /* sent */
	ms_streams_review(control->s->streams);
	for (size_t i = 0; i < MS_ARRAY_LEN(control->doors); i++) {
		const struct door *door = &control->doors[i];
		struct ms_control_peer *peer = ms_control_peer_next(&door->peers, NULL);

		for (; peer; peer = ms_control_peer_next(&door->peers, peer)) {
			if (still_fits(door, peer))
				continue;
			ms_control_peer_dismiss(peer, &err);
			n++;
		}
	}
	return n;
}

/**
 * ms_control_close() - end every connection and remove the socket files that are still ours.
 * @control: or NULL
 * Return: NULL.
 */
struct ms_control *ms_control_close(struct ms_control *control)
{
	if (!control)
		return NULL;
	control->retry = sd_event_source_disable_unref(control->retry);
	for (size_t i = 0; i < MS_ARRAY_LEN(control->doors); i++) {
		struct door *door = &control->doors[i];

		door->io = sd_event_source_disable_unref(door->io);
		ms_control_peers_done(&door->peers);
		ms_control_socket_close(&door->socket);
		free(door->dir);
	}
	control->spare = ms_fd_close(control->spare);
	free(control);
	return NULL;
}
