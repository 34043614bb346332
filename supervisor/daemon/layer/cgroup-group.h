/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cgroup-group.h - the groups of one instance, as cgroup.c (which makes and removes them) and
 * cgroup-stats.c (which reads them) share them. Nobody else includes this.
 */
#ifndef MS_DAEMON_LAYER_CGROUP_GROUP_H
#define MS_DAEMON_LAYER_CGROUP_GROUP_H

#include "supervisor/daemon/layer/cgroup.h"

#define MS_CGROUP_NAME_BYTES 32

struct ms_cgroup {
	const struct ms_cgroups *cgroups; /* borrowed */
	char name[MS_CGROUP_NAME_BYTES];
	int dirs[MS_CGROUP_MAX_TREES]; /* <instance>, O_PATH; -EBADF = not made */
	int watch;		       /* memory: eventfd (v1) or memory.events (v2) */
	int oom_control;	       /* v1: must stay open as long as the eventfd */
};

#endif
