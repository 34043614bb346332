/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control.h - the control sockets: who may connect, lines in, lines out, descriptors with an
 * answer. Bounded in every direction. The methods are in method-*.c behind the table of rpc.c.
 */
#ifndef MS_DAEMON_CONTROL_H
#define MS_DAEMON_CONTROL_H

#include <systemd/sd-event.h>

#include "lib/base.h"
#include "lib/error.h"

struct ms_supervisor;
struct ms_control;

/* ms_control_open - bind and listen on control.sock, backend/control.sock and observer/control.sock
 * of the runtime folder (a stale socket is replaced, a living one is `conflict`), serve on the
 * supervisor's loop. */
MS_MUST_CHECK int ms_control_open(struct ms_supervisor *s, struct ms_control **ret,
				  struct ms_error *err);
/* After the configuration has changed: the modes of the files, and those who have no business here
 * any more (how many those are). */
MS_MUST_CHECK int ms_control_open_to_peers(struct ms_control *control, struct ms_error *err);
uint32_t ms_control_review(struct ms_control *control);
/* ms_control_close - answers under way are dropped, peers closed, the socket files removed. NULL is
 * fine. */
struct ms_control *ms_control_close(struct ms_control *control);

#endif
