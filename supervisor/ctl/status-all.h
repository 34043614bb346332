/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * status-all.h - the supervisor on one screen. For verb-status.c.
 */
#ifndef MS_CTL_STATUS_ALL_H
#define MS_CTL_STATUS_ALL_H

#include "supervisor/ctl/ctl.h"

/* ms_status_all - ask and print; the exit code. */
MS_MUST_CHECK int ms_status_all(struct ms_ctl *ctl);

#endif
