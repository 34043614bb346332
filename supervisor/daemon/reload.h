/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reload.h - the configuration read again while modules run: all of it or nothing. Running
 * instances keep the limits that they were started with.
 */
#ifndef MS_DAEMON_RELOAD_H
#define MS_DAEMON_RELOAD_H

#include "lib/base.h"
#include "lib/error.h"
#include "policy/report.h"

struct ms_supervisor;

/* ms_reload - the files over what is in force. 0; above 0 with @ret_report (owned by the caller),
 * which tells what is wrong in a file; or -errno with @err. Nothing has changed unless 0. */
MS_MUST_CHECK int ms_reload(struct ms_supervisor *s, struct ms_report **ret_report,
			    struct ms_error *err);
/* ms_reload_finish - once who asked has its answer: end the connections that the configuration does
 * not admit any more, and tell everybody. @uid: who asked; NULL = a signal. */
void ms_reload_finish(struct ms_supervisor *s, const uid_t *uid);
/* ms_reload_on_signal - SIGHUP is such a request, too. */
MS_MUST_CHECK int ms_reload_on_signal(struct ms_supervisor *s, struct ms_error *err);

#endif
