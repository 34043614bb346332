/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control-peer.h - one connection of the control socket: bytes in, lines out, descriptors with an
 * answer, every queue with a bound. Private to control.c and control-peer.c.
 */
#ifndef MS_DAEMON_CONTROL_PEER_H
#define MS_DAEMON_CONTROL_PEER_H

#include "lib/base.h"
#include "supervisor/daemon/control-share.h"
#include "supervisor/daemon/rpc.h"

struct ms_control_peer;

/* The peers of one socket. Embedded in a door of control.c. */
struct ms_control_peers {
	struct ms_control_peer *first; /* owned */
	uint32_t n;
	struct ms_shares shares; /* of the daemon's time, but for administrators */
};

/* ms_control_peer_new - serve @take_fd and greet; it and the entry of @take_who are consumed in
 * every case. */
MS_MUST_CHECK int ms_control_peer_new(struct ms_control_peers *peers, struct ms_supervisor *s,
				      const struct ms_rpc_who *take_who, int take_fd);
/* ms_control_peer_next - the one after @peer, or the first; NULL at the end. */
struct ms_control_peer *ms_control_peer_next(const struct ms_control_peers *peers,
					     const struct ms_control_peer *peer);
const struct ms_rpc_peer *ms_control_peer_rpc(const struct ms_control_peer *peer);
int ms_control_peer_fd(const struct ms_control_peer *peer);
/* ms_control_peer_dismiss - send what waits and @err, read no more, then end. */
void ms_control_peer_dismiss(struct ms_control_peer *peer, const struct ms_error *err);
/* ms_control_peers_of - how many are of this user. */
uint32_t ms_control_peers_of(const struct ms_control_peers *peers, uid_t uid);
void ms_control_peers_done(struct ms_control_peers *peers);

#endif
