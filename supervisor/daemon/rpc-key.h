/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rpc-key.h - what requests leave behind: the answers of those that had a `key`, for a peer that
 * asks again because it does not know what became of the first time. Kept in memory, 24 hours,
 * bounded; what has no room is refused, nothing is forgotten before its time.
 *
 *	            first request              answer
 *	(unknown) -----------------> running ----------> kept --(24 h)--> (unknown)
 *	                              |  ^  \-- an error that may pass --> (unknown)
 *	                  the same ---/  |
 *	                  waits, too     \-- goes on when its connection ends
 *
 * Used by the rpc files alone.
 */
#ifndef MS_DAEMON_RPC_KEY_H
#define MS_DAEMON_RPC_KEY_H

#include "supervisor/daemon/rpc.h"

struct ms_rpc_memory; /* s->rpc */
struct ms_key;

/* ms_rpc_memory_new - @now: microseconds of a clock that no one sets and that counts sleep. NULL on
 * ENOMEM. */
MS_MUST_CHECK struct ms_rpc_memory *ms_rpc_memory_new(uint64_t (*now)(void));
/* ms_rpc_memory_free - requests that go on without a connection are forgotten. NULL is fine. */
struct ms_rpc_memory *ms_rpc_memory_free(struct ms_rpc_memory *memory);
uint64_t ms_rpc_memory_clock(void); /* CLOCK_BOOTTIME, for ms_rpc_memory_new() */

enum ms_key_result {
	MS_KEY_JOINED = 1, /* the same is running: the call gets its answer as well */
	MS_KEY_ANSWERED,   /* the call has had the first answer, and is gone */
};

/* ms_key_begin - @call has this key: 0 = it is the first, and its answer will be kept. */
MS_MUST_CHECK int ms_key_begin(struct ms_call *call, struct ms_str name, struct ms_fault *fault);
/* ms_key_done - the answer of the first one, as a line that was not sent yet; NULL = none could be
 * made. @passes: an error that may be gone the next time, so that the key is free again. */
void ms_key_done(struct ms_call *call, const struct ms_rpc_line *line, bool passes);
/* ms_key_leave - @call, which has a key, ends without an answer. */
void ms_key_leave(struct ms_call *call);
/* The name of the key of @call, "" without one. */
struct ms_str ms_key_name(const struct ms_call *call);
/* The one that runs for @call: itself, or the first with the same key. */
const struct ms_call *ms_key_leader(const struct ms_call *call);

/* ms_rpc_outlive - the first ones among @peer's calls go on without it. */
void ms_rpc_outlive(struct ms_rpc_peer *peer);
/* ms_rpc_log_refusal - an act that was forbidden, told to the administrator, but not too often. */
void ms_rpc_log_refusal(const struct ms_call *call, const struct ms_error *err);

#endif
