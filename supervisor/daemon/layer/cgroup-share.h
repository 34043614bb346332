/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cgroup-share.h - the group above all modules: what they may have together, what they use, and
 * each one's part of it. Called by capacity.c.
 */
#ifndef MS_DAEMON_LAYER_CGROUP_SHARE_H
#define MS_DAEMON_LAYER_CGROUP_SHARE_H

#include "lib/base.h"
#include "lib/error.h"
#include "supervisor/daemon/layer/cgroup.h"

/* ms_cgroups_share - set one limit of all modules together: bytes (memory), a count (pids), or a
 * weight of 1 to 10000 where other groups have 100 (cpu). @ret: what is in force now; a limit of
 * memory is never set below what is used, which would end modules: ask again later. -errno with
 * @err; nothing to do where there is no such controller (*ret = 0). */
MS_MUST_CHECK int ms_cgroups_share(const struct ms_cgroups *cgroups, enum ms_controller controller,
				   uint64_t value, uint64_t *ret, struct ms_error *err);

/* ms_cgroups_above - the smallest memory limit that holds for this daemon's groups from further up;
 * UINT64_MAX = none that can be seen. */
uint64_t ms_cgroups_above(const struct ms_cgroups *cgroups);

struct ms_cgroups_use {
	uint64_t memory_bytes; /* without file pages that nobody used lately */
	uint64_t processes;
};
void ms_cgroups_use(const struct ms_cgroups *cgroups, struct ms_cgroups_use *ret);

/* ms_cgroups_each - every instance's group: its @limit and, @with_use, what it has @used of memory
 * (bytes) or processes. A limit that is not set is UINT64_MAX. Of memory on v1 the use is most of
 * the work: the kernel writes a page of text for each. */
typedef void (*ms_cgroups_each_fn)(void *data, const char *name, uint64_t limit, uint64_t used);
void ms_cgroups_each(const struct ms_cgroups *cgroups, enum ms_controller controller, bool with_use,
		     ms_cgroups_each_fn fn, void *data);

#endif
