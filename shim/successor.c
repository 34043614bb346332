/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * successor.c - the shim's side of adoption. What only lives as long as somebody holds it, the
 * module's listening sockets and its plan, is held by the shim and handed to each modsupd that
 * comes. Called by serve.c.
 */
#include "shim/successor.h"

#include <poll.h>
#include <string.h>

#include "lib/sys.h"
#include "shim/notify.h"
#include "shim/status.h"

/* The descriptors of HELLO, in the order that lib/shimwire.h has. */
static size_t hello_fds(const struct ms_shim *shim, bool ended, struct ms_shim_hello *hello,
			int fds[static MS_SHIM_MAX_FDS])
{
	size_t n = 0;

	if (!ended)
		fds[n++] = shim->child_pidfd;
	if (MS_SHIM_SPEAKS < 2)
		return n;
	hello->n_listen = shim->n_listen;
	for (uint8_t i = 0; i < shim->n_listen; i++)
		fds[n++] = shim->listen[i];
	hello->has_plan = shim->plan_fd >= 0;
	if (hello->has_plan)
		fds[n++] = shim->plan_fd;
	return n;
}

/** ms_successor_greet() - see successor.h. The latest is the successor. */
void ms_successor_greet(struct ms_shim *shim, bool ended)
{
	ms_auto_fd int peer = ms_sys_accept4(shim->adopt, SOCK_CLOEXEC);
	struct ms_shim_hello hello = {
		.pid_inside = (uint32_t)shim->child,
		.ended = ended,
		.ready = ms_status_is_ready(),
	};
	uint8_t buf[MS_SHIM_MAX_BYTES];
	int fds[MS_SHIM_MAX_FDS];
	struct ucred who = {.uid = UINT32_MAX};
	socklen_t len = sizeof(who);
	uint64_t reported;
	size_t n_fds;

	if (peer < 0 || ms_sys_getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0 ||
	    who.uid != 0)
		return;
	memcpy(hello.launch_id, shim->plan.launch_id, sizeof(hello.launch_id));
	memcpy(hello.policy_hash, shim->plan.policy_hash, sizeof(hello.policy_hash));
	ms_notify_totals(&hello.denied, &reported);
	n_fds = hello_fds(shim, ended, &hello, fds);
	if (ms_io_send_fds(peer, buf, ms_shimwire_hello(buf, MS_SHIM_SPEAKS, &hello), fds, n_fds,
			   MSG_DONTWAIT) < 0)
		return;
	shim->control = ms_fd_close(shim->control);
	shim->control = MS_TAKE_FD(peer);
	ms_status_adopted();
}

/** ms_successor_decode() - see successor.h. A launch is begun before the shim has said a word: what
 * comes then is in modsupd's own version. */
int ms_successor_decode(const void *data, size_t len, struct ms_shim_msg *ret)
{
	int r = ms_shimwire_decode(data, len, ret);

	if (r == 0 && ret->version > MS_SHIM_SPEAKS && ret->type != MS_SHIM_PLAN &&
	    ret->type != MS_SHIM_RELEASE)
		return -EBADMSG;
	return r;
}

/* What has to be said is said to somebody: wait for a successor where modsupd is gone. */
static void await_supervisor(struct ms_shim *shim)
{
	while (shim->control < 0 && shim->adopt >= 0) {
		struct pollfd poll = {.fd = shim->adopt, .events = POLLIN};

		if (ms_sys_ppoll(&poll, 1, NULL) == 1)
			ms_successor_greet(shim, /* ended= */ true);
	}
}

/* What was sent may still lie unread when modsupd dies: only its answer says that it was read. */
static bool is_heard(const struct ms_shim *shim)
{
	uint8_t buf[MS_SHIM_MAX_BYTES];
	struct ms_shim_msg msg;
	ssize_t n;

	if (shim->adopt < 0)
		return true; /* and if not: there will be no successor to tell */
	do {
		n = ms_io_recv(shim->control, buf, sizeof(buf), NULL, 0, NULL, 0);
		if (n <= 0 || ms_successor_decode(buf, (size_t)n, &msg) < 0)
			return false;
	} while (msg.type != MS_SHIM_HEARD); /* a signal or a kill that came too late */
	return true;
}

/** ms_successor_tell_exit() - see successor.h. */
void ms_successor_tell_exit(struct ms_shim *shim, struct ms_shim_exit *e)
{
	uint8_t buf[MS_SHIM_MAX_BYTES];

	for (;;) {
		await_supervisor(shim);
		ms_notify_flush(shim);
		ms_notify_totals(&e->denied, &e->reported);
		if (ms_io_send(shim->control, buf, ms_shimwire_exit(buf, MS_SHIM_SPEAKS, e), -EBADF,
			       0) == 0 &&
		    is_heard(shim))
			return;
		shim->control = ms_fd_close(shim->control); /* modsupd went away just now */
		if (shim->adopt < 0)
			return;
	}
}
