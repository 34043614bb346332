/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * packet.c - see packet.h. Used towards the spawner and the shims.
 */
#include "supervisor/daemon/packet.h"

#include <string.h>

int ms_packet_send(int sock, const void *data, size_t len, const int *fds, size_t n_fds, int flags)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * MS_PACKET_MAX_FDS)];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	ms_assert(n_fds <= MS_PACKET_MAX_FDS);
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
		n = sendmsg(sock, &msg, flags | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EMSGSIZE;
}

ssize_t ms_packet_recv(int sock, void *data, size_t cap, int *fds, size_t max_fds, size_t *ret_n,
		       int flags)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * MS_PACKET_MAX_FDS)];
	} control;
	struct iovec iov = {.iov_base = data, .iov_len = cap};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(sock, &msg, flags | MSG_CMSG_CLOEXEC);
	size_t kept = 0;
	bool bad;

	if (n < 0)
		return -errno;
	bad = (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		size_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (bad || kept == max_fds)
				(void)close(fd); /* not wanted */
			else
				fds[kept++] = fd;
		}
	}
	if (bad) {
		while (kept)
			(void)close(fds[--kept]); /* came before the cut was known */
		return -EMSGSIZE;
	}
	if (ret_n)
		*ret_n = kept;
	return n;
}
