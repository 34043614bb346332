/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * instances.h - the table of instances, as main.c needs it.
 */
#ifndef MS_DAEMON_INSTANCES_H
#define MS_DAEMON_INSTANCES_H

#include "lib/base.h"
#include "lib/error.h"

struct ms_supervisor;
struct ms_instances;

MS_MUST_CHECK int ms_instances_new(struct ms_supervisor *s, struct ms_instances **ret,
				   struct ms_error *err);
struct ms_instances *ms_instances_free(struct ms_instances *instances); /* none may be live */
/* ms_instances_adopt - take over what a dead daemon of these folders left running; end and tell
 * what cannot be. Once, before anybody can connect. */
void ms_instances_adopt(struct ms_supervisor *s);
/* ms_instances_stop_all - stop every one; the loop ends once none is live. Call again to kill
 * instead of waiting. */
void ms_instances_stop_all(struct ms_supervisor *s);
/* ms_instances_leave_all - end the loop and leave every module running, for the next daemon; what
 * is attached to a caller ends. */
void ms_instances_leave_all(struct ms_supervisor *s);
/* ms_instances_emergency - end everything at once; nothing is started again by itself. */
void ms_instances_emergency(struct ms_supervisor *s);
/* The start queue: how many launch now, wait, and may launch at once. */
void ms_instances_queue(const struct ms_supervisor *s, uint32_t *ret_launching,
			uint32_t *ret_waiting, uint32_t *ret_limit);
uint32_t ms_instances_live(const struct ms_instances *instances);

#endif
