/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * status.h - what the module says of itself on NOTIFY_SOCKET, told on with a bound on how often,
 * and the watchdog that is fed through it. Both work while no modsupd is there.
 */
#ifndef MS_SHIM_STATUS_H
#define MS_SHIM_STATUS_H

#include "shim/shim.h"

/* ms_status_bind - make the socket as @name in the folder @dir, for @uid alone to write to. */
MS_MUST_CHECK int ms_status_bind(struct ms_shim *shim, int dir, const char *name, uint32_t uid,
				 uint32_t gid);

/* ms_status_init - keep what later calls need; the plan may go away afterwards. */
void ms_status_init(const struct ms_shim *shim);
/* ms_status_started - the module's program runs. */
void ms_status_started(uint64_t now);
/* ms_status_receive - read what was said, a bounded amount at a time. */
void ms_status_receive(struct ms_shim *shim, uint64_t now);
/* ms_status_tick - tell what waited for its time; when to call again, UINT64_MAX for never. */
uint64_t ms_status_tick(struct ms_shim *shim, uint64_t now);
/* ms_status_adopted - nobody has told the new modsupd anything yet. */
void ms_status_adopted(void);
bool ms_status_is_ready(void);

/* ms_status_is_hung - the module's time for a WATCHDOG=1 ran out, or it said so itself. */
bool ms_status_is_hung(struct ms_shim *shim, uint64_t now);
/* ms_status_stopping - it was asked to end: whoever asked waits for it, with a deadline. */
void ms_status_stopping(void);

#endif
