/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control-share.h - how much of the daemon's time each user of one socket has had of late. Who had
 * more than a small part of it is served when nothing else is to do, one request at a time, so that
 * others wait for one of its requests at most, however many it sends over however many connections.
 * Decides only; the clock and the priorities are control-peer.c's, which calls it.
 */
#ifndef MS_DAEMON_CONTROL_SHARE_H
#define MS_DAEMON_CONTROL_SHARE_H

#include <sys/types.h>

#include "lib/base.h"
#include "modsup/limits.h"

struct ms_share {
	uid_t uid;
	uint64_t spent_usec; /* what was used and has not been forgiven yet */
	uint64_t at_usec;    /* when that was so; 0 = the place is free */
};

/* One place for each user that may be connected. All zero is the beginning. */
struct ms_shares {
	struct ms_share of[MS_MAX_PEERS];
};

/* ms_share_charge - @uid used @usec until @now_usec. */
void ms_share_charge(struct ms_shares *shares, uid_t uid, uint64_t now_usec, uint64_t usec);
/* ms_share_is_over - whether @uid has had more than its share. */
bool ms_share_is_over(const struct ms_shares *shares, uid_t uid, uint64_t now_usec);

#endif
