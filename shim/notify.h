/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * notify.h - the refused calls: answered, folded by kind, reported; a flood waits in a tarpit and
 * then ends.
 */
#ifndef MS_SHIM_NOTIFY_H
#define MS_SHIM_NOTIFY_H

#include "shim/shim.h"

struct ms_notify_limits {
	uint32_t newest_nr, tarpit_after, tarpit_usec, kill_after;
	uint32_t kill_nrs[MS_MAX_KILL_CALLS], n_kill_nrs;
};

enum ms_notify_end { MS_NOTIFY_GO_ON, MS_NOTIFY_FLOOD, MS_NOTIFY_FORBIDDEN };

/* ms_notify_init - keep what later calls need; the plan may go away afterwards. */
void ms_notify_init(struct ms_shim *shim);
/* ms_notify_receive - take what the listener number @which has, answer or queue it. Says when the
 * module must end. */
enum ms_notify_end ms_notify_receive(struct ms_shim *shim, uint8_t which, uint64_t now_usec);
/* ms_notify_tick - answer what is due, send folded reports. Returns the next due time, UINT64_MAX =
 * none. */
uint64_t ms_notify_tick(struct ms_shim *shim, uint64_t now_usec);
/* ms_notify_flush - the last reports, before EXIT. */
void ms_notify_flush(struct ms_shim *shim);
void ms_notify_totals(uint64_t *ret_denied, uint64_t *ret_reported);

#endif
