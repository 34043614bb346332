/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * packet.h - one packet with descriptors on a SOCK_SEQPACKET socket, whole or not at all.
 */
#ifndef MS_DAEMON_PACKET_H
#define MS_DAEMON_PACKET_H

#include <sys/socket.h>

#include "lib/base.h"
#include "modsup/limits.h"

#define MS_PACKET_MAX_FDS (MS_MAX_PLAN_FDS + 1)

/* 0 or -errno. Descriptors are borrowed. */
MS_MUST_CHECK int ms_packet_send(int sock, const void *data, size_t len, const int *fds,
				 size_t n_fds, int flags);

/* Length, 0 at the end, -errno. At most @max_fds descriptors are kept, owned by the caller; a cut
 * packet or cut descriptors are -EMSGSIZE and nothing is kept. */
MS_MUST_CHECK ssize_t ms_packet_recv(int sock, void *data, size_t cap, int *fds, size_t max_fds,
				     size_t *ret_n, int flags);

#endif
