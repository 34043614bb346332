/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * restrict.h - modsupd gives up what it no longer needs. ms_restrict_self() is called once by
 * main(), after modsup-spawn is forked (which keeps the launch capabilities and no filter) and
 * after the host was probed, and before the first peer is let in; it cannot exec afterwards.
 */
#ifndef MS_SUPERVISOR_DAEMON_RESTRICT_H
#define MS_SUPERVISOR_DAEMON_RESTRICT_H

#include "lib/base.h"
#include "lib/error.h"

/* ms_restrict_self - a short list of capabilities, no new privileges, no dumps, the daemon's
 * filter. For good, and for every process that is forked afterwards. On failure the process is half
 * restricted: end it. */
MS_MUST_CHECK int ms_restrict_self(struct ms_error *err);

/* ms_restrict_spawner - modsup-spawn, in its process: the capabilities of a launch and no others,
 * also for the shims that it starts; no dumps. */
MS_MUST_CHECK int ms_restrict_spawner(struct ms_error *err);

/* ms_restrict_kept - the i-th capability of the list and what it is for (NULL at the end): for
 * `supervisor.info` and the manual. */
const char *ms_restrict_kept(size_t i, const char **ret_why);

#endif
