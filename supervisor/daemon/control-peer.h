/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control-peer.h - one connection of the control socket: bytes in, lines out, descriptors with an
 * answer, every queue with a bound. Private to control.c and control-peer.c.
 */
#ifndef MS_DAEMON_CONTROL_PEER_H
#define MS_DAEMON_CONTROL_PEER_H

#include "lib/base.h"
#include "supervisor/daemon/rpc.h"

struct ms_control_peer;

/* The peers of one socket. Embedded in struct ms_control. */
struct ms_control_peers {
	struct ms_control_peer *first; /* owned */
	uint32_t n;
	const char *dir; /* borrowed: where the socket stands */
};

/* ms_control_peer_new - serve @take_fd (consumed in every case) and greet. */
MS_MUST_CHECK int ms_control_peer_new(struct ms_control_peers *peers, struct ms_supervisor *s,
				      enum ms_role role, int take_fd);
void ms_control_peers_done(struct ms_control_peers *peers);

#endif
