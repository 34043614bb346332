/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pidfd.h - the process behind a pidfd, as this host numbers it. Called by box.c and box-exec.c.
 */
#ifndef MS_DAEMON_PIDFD_H
#define MS_DAEMON_PIDFD_H

#include "lib/base.h"

/* ms_pidfd_number - 0 when it has ended, or @pidfd is none. */
uint32_t ms_pidfd_number(int pidfd);

#endif
