/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * io.c - packets with descriptors, and the clock. No buffering: a packet is sent whole or not at
 * all.
 */
#include <string.h>
#include <sys/uio.h>

#include "lib/sys.h"
#include "shim/shim.h"

int ms_io_send(int sock, const void *data, size_t len, int fd, int flags)
{
	return ms_io_send_fds(sock, data, len, &fd, fd >= 0, flags);
}

int ms_io_send_fds(int sock, const void *data, size_t len, const int *fds, size_t n_fds, int flags)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * MS_SHIM_MAX_FDS)];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	ms_assert(n_fds <= MS_SHIM_MAX_FDS);
	if (n_fds) {
		struct cmsghdr *c;

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	do
		n = ms_sys_sendmsg(sock, &msg, flags | MSG_NOSIGNAL);
	while (n == -EINTR);
	if (n < 0)
		return (int)n;
	return (size_t)n == len ? 0 : -EMSGSIZE;
}

/* Take the descriptors out of a received message; those beyond @max are closed. */
static size_t take_fds(struct msghdr *msg, int *fds, size_t max)
{
	size_t n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (n < max)
				fds[n++] = fd;
			else
				(void)ms_sys_close(fd); /* not ours to keep */
		}
	}
	return n;
}

ssize_t ms_io_recv(int sock, void *data, size_t cap, int *fds, size_t max_fds, size_t *ret_n,
		   int flags)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * (MS_MAX_PLAN_FDS + 1))];
	} control;
	struct iovec iov = {.iov_base = data, .iov_len = cap};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	ssize_t n;
	size_t n_fds;

	do
		n = ms_sys_recvmsg(sock, &msg, flags | MSG_CMSG_CLOEXEC);
	while (n == -EINTR);
	if (n < 0)
		return n;
	n_fds = take_fds(&msg, fds, max_fds);
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		for (size_t i = 0; i < n_fds; i++)
			fds[i] = ms_fd_close(fds[i]);
		return -EMSGSIZE;
	}
	if (ret_n)
		*ret_n = n_fds;
	return n;
}

uint64_t ms_io_now_usec(void)
{
	struct timespec ts = {0};

	(void)ms_sys_clock_gettime(CLOCK_BOOTTIME, &ts); /* cannot fail for this clock */
	return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}
