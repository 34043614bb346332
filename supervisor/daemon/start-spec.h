/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * start-spec.h - a box without anything, for start.c and start-run.c to fill.
 */
#ifndef MS_DAEMON_START_SPEC_H
#define MS_DAEMON_START_SPEC_H

#include "supervisor/daemon/box.h"

#define MS_LAUNCH_TIMEOUT_USEC (30u * 1000000u)
#define MS_NO_SPEC                                                                                 \
	((struct ms_box_spec){.bundle = -EBADF,                                                    \
			      .state = -EBADF,                                                     \
			      .program = -EBADF,                                                   \
			      .std = {-EBADF, -EBADF, -EBADF},                                     \
			      .log = {-EBADF, -EBADF},                                             \
			      .adopt = -EBADF,                                                     \
			      .flag = -EBADF,                                                      \
			      .launch_timeout_usec = MS_LAUNCH_TIMEOUT_USEC})

#endif
