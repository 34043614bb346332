/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unit-socket.c - the listening sockets of a unit: bound by modsupd, listened on by the module's
 * process, kept over its runs and, by the shim, over a daemon's death. Nothing is read from them.
 *
 * All runs share one open file, and each may do to it what a module may do to a socket. What would
 * outlive the run that did it is taken back before the next, or the socket is made anew.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/log.h"
#include "policy/config-peers.h"
#include "supervisor/daemon/instance-life.h"
#include "supervisor/daemon/state.h"
#include "supervisor/daemon/supervisor.h"
#include "supervisor/daemon/unit.h"

static bool is_same(struct ms_str a, struct ms_str b)
{
	return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

static void socket_key(const struct ms_unit *unit, char ret[static 24])
{
	(void)snprintf(ret, 24, "%u", unit->number); /* always fits */
}

static struct ms_str socket_name(const struct ms_unit_socket *socket)
{
	return (struct ms_str){.p = socket->name, .len = strlen(socket->name)};
}

static void unbind(struct ms_unit *unit, uint32_t at)
{
	char key[24];

	socket_key(unit, key);
	ms_state_unbind(unit->s->state, key, socket_name(&unit->sockets[at]));
	unit->sockets[at].fd = ms_fd_close(unit->sockets[at].fd);
	unit->sockets[at] = unit->sockets[--unit->n_sockets];
	unit->sockets[unit->n_sockets].fd = -EBADF;
}

void ms_unit_unbind(struct ms_unit *unit)
{
	while (unit->n_sockets)
		unbind(unit, unit->n_sockets - 1);
}

static struct ms_unit_socket *find_socket(struct ms_unit *unit, struct ms_str name)
{
	for (uint32_t n = 0; n < unit->n_sockets; n++) {
		if (is_same(socket_name(&unit->sockets[n]), name))
			return &unit->sockets[n];
	}
	return NULL;
}

static bool is_named(const struct ms_manifest *m, const struct ms_unit_socket *socket)
{
	for (uint32_t n = 0; n < m->n_listen; n++) {
		if (is_same(m->listen[n], socket_name(socket)))
			return true;
	}
	return false;
}

static int bind_one(struct ms_unit *unit, struct ms_str name, struct ms_error *err)
{
	struct ms_unit_socket *socket = &unit->sockets[unit->n_sockets];
	char key[24];
	int r;

	socket_key(unit, key);
	(void)snprintf(socket->name, sizeof(socket->name), "%.*s", (int)name.len,
		       name.p); /* at most 15 bytes */
	r = ms_state_bind(unit->s->state, key, name, socket->path, sizeof(socket->path),
			  &socket->fd, err);
	if (r == 0)
		unit->n_sockets++;
	return r;
}

/* Who may connect besides root: the backend that the module is for. Anew for each run, as the
 * configuration may have changed. */
static int set_group(const struct ms_unit *unit, const struct ms_unit_socket *socket,
		     struct ms_error *err)
{
	gid_t gid = ms_peers_socket_gid(unit->s->config, unit->module, unit->tenant);

	if (gid == (gid_t)-1)
		gid = 0;
	if (lchown(socket->path, 0, gid) < 0)
		return ms_error_set(err, errno, "give '%s' to group %u", socket->path,
				    (unsigned)gid);
	return 0;
}

/* After shutdown(2) no connection is ever taken again, whoever listens; and one that a shim brought
 * no descriptor for is not there. */
static bool is_usable(int fd)
{
	struct pollfd poll_ = {.fd = fd, .events = POLLRDHUP};

	return fd >= 0 && poll(&poll_, 1, 0) >= 0 && !(poll_.revents & (POLLRDHUP | POLLNVAL));
}

/* As it was born: blocking, without signals, without a deadline for accept(2), and without
 * credentials that those who are accepted would inherit. */
static bool reset(int fd)
{
	static const struct timeval never = {0};
	static const int off = 0;

	return fcntl(fd, F_SETFL, 0) == 0 &&
	       setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &never, sizeof(never)) == 0 &&
	       setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &never, sizeof(never)) == 0 &&
	       setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &off, sizeof(off)) == 0;
}

int ms_unit_bind(struct ms_unit *unit, const struct ms_manifest *m, struct ms_error *err)
{
	for (uint32_t n = unit->n_sockets; n > 0; n--) {
		const struct ms_unit_socket *socket = &unit->sockets[n - 1];

		if (!is_named(m, socket) || !is_usable(socket->fd) || !reset(socket->fd))
			unbind(unit, n - 1);
	}
	for (uint32_t n = 0; n < m->n_listen; n++) {
		int r = find_socket(unit, m->listen[n]) ? 0 : bind_one(unit, m->listen[n], err);

		if (r == 0)
			r = set_group(unit, find_socket(unit, m->listen[n]), err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What a shim brings is a listening Unix stream socket, or it is not taken. */
static bool is_listening(int fd)
{
	int domain = 0, type = 0, listens = 0;
	socklen_t len = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens;
}

void ms_unit_take_sockets(struct ms_unit *unit, const struct ms_manifest *m,
			  const struct ms_box_started *started)
{
	for (uint32_t n = 0; n < m->n_listen; n++) {
		struct ms_unit_socket *socket = &unit->sockets[unit->n_sockets];
		int r = snprintf(socket->path, sizeof(socket->path), "%s/s/%u/%.*s.sock",
				 unit->s->runtime_dir, unit->number, (int)m->listen[n].len,
				 m->listen[n].p);

		if (find_socket(unit, m->listen[n]) || r < 0 || (size_t)r >= sizeof(socket->path))
			continue;
		(void)snprintf(socket->name, sizeof(socket->name), "%.*s", (int)m->listen[n].len,
			       m->listen[n].p); /* at most 15 bytes */
		/* one of the version before brings none: its next run binds the path anew */
		if (n < started->n_listen && is_listening(started->listen[n]))
			socket->fd = MS_TAKE_FD(started->listen[n]);
		unit->n_sockets++;
	}
}

void ms_units_regroup(struct ms_supervisor *s)
{
	for (struct ms_unit *unit = s->units->first; unit; unit = unit->next) {
		for (uint32_t n = 0; n < unit->n_sockets; n++) {
			struct ms_error err = MS_ERROR_INIT;

			if (set_group(unit, &unit->sockets[n], &err) < 0)
				ms_log(MS_LOG_WARNING, "after the reload: %s", err.msg);
		}
	}
}
