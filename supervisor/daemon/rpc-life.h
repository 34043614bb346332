/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rpc-life.h - what the files of a request share: rpc.c (in), rpc-answer.c (out), rpc-peer.c (who).
 * For these files only.
 */
#ifndef MS_DAEMON_RPC_LIFE_H
#define MS_DAEMON_RPC_LIFE_H

#include "supervisor/daemon/rpc.h"

/* What a reason word means to a client. */
struct ms_rpc_meaning {
	int code;
	int http;
	const char *retry;
};
const struct ms_rpc_meaning *ms_rpc_meaning(enum ms_reason reason);

/* ms_rpc_begin - an open message with its version; NULL on ENOMEM. */
struct ms_jw *ms_rpc_begin(void);
MS_MUST_CHECK bool ms_rpc_end(struct ms_jw *jw, struct ms_rpc_line *ret);
/* ms_rpc_send_oom - last resort of a request that could not be answered for lack of memory. */
void ms_rpc_send_oom(struct ms_rpc_peer *peer);
/* ms_rpc_end_call - out of its peer's list, and freed. */
void ms_rpc_end_call(struct ms_call *call);
void ms_rpc_link_call(struct ms_rpc_peer *peer, struct ms_call *call);
/* ms_rpc_move_call - to another peer. */
void ms_rpc_move_call(struct ms_call *call, struct ms_rpc_peer *peer);

#endif
