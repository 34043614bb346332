/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hostfacts.h - this host, as values for policy/: read once at start.
 */
#ifndef MS_DAEMON_HOSTFACTS_H
#define MS_DAEMON_HOSTFACTS_H

#include "lib/error.h"
#include "policy/host.h"

/* ms_hostfacts_read - everything but cgroup_v2_only, which the cgroup layer knows. */
MS_MUST_CHECK int ms_hostfacts_read(struct ms_host **ret, struct ms_error *err);
struct ms_host *ms_hostfacts_free(struct ms_host *host);

#endif
