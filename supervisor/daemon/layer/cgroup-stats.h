/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cgroup-stats.h - what the kernel counts about the groups of one instance, the same figures on
 * pure v2, hybrid and v1. Read by watch.c, again and again; cgroup.h has what an end needs.
 */
#ifndef MS_DAEMON_LAYER_CGROUP_STATS_H
#define MS_DAEMON_LAYER_CGROUP_STATS_H

#include "lib/base.h"
#include "supervisor/daemon/layer/cgroup.h"

#define MS_CGROUP_PERIOD_USEC                                                                      \
	100000u /* of the CPU quota: the kernel's own default, which is kept */

/* What to read. A file costs 5 us to open, read and close; v1 has one for each figure. */
#define MS_CGROUP_READ_CPU	 (1u << 0) /* cpu_usec; v2: one file with the next */
#define MS_CGROUP_READ_THROTTLE	 (1u << 1) /* periods, throttled, throttled_usec */
#define MS_CGROUP_READ_MEMORY	 (1u << 2) /* memory_bytes, memory_peak_bytes: two files */
#define MS_CGROUP_READ_HITS	 (1u << 3) /* memory_hits; v1: two files */
#define MS_CGROUP_READ_KILLS	 (1u << 4) /* oom_kills; v2: one file with the former, v1: two */
#define MS_CGROUP_READ_PROCESSES (1u << 5) /* processes */
#define MS_CGROUP_READ_FORKS	 (1u << 6) /* refused_forks */
#define MS_CGROUP_READ_ALL	 ((1u << 7) - 1)

/* Of the module alone, but for the memory: what its shim holds (under 100 kB) is in there. 0 where
 * this host does not count it. */
struct ms_cgroup_stats {
	uint64_t cpu_usec;
	uint64_t periods, throttled; /* quota periods in which it ran, and which it used up */
	uint64_t throttled_usec;
	uint64_t memory_bytes, memory_peak_bytes;
	uint64_t memory_hits, oom_kills;
	uint64_t processes, refused_forks;
};

/* ms_cgroup_stats - the members that @what names are written, the others left alone. */
void ms_cgroup_stats(const struct ms_cgroup *cgroup, uint32_t what, struct ms_cgroup_stats *ret);

/* ms_cgroup_number - the number after @key in @text, one "key number" a line, or the one number
 * that is all of @text when @key is NULL. False: it is not there. Pure. */
MS_MUST_CHECK bool ms_cgroup_number(struct ms_str text, const char *key, uint64_t *ret);

/*
 * ms_cgroup_open_forks - a descriptor that wakes (EPOLLPRI) when a fork was refused; it is
 * ms_cgroup_read_forks() that makes it fall silent again. Owned by the caller. -ENOENT: this host
 * has none that wakes: v1, where 6.11 and later notify a file that is not there.
 */
MS_MUST_CHECK int ms_cgroup_open_forks(const struct ms_cgroup *cgroup);
/* ms_cgroup_read_forks - refused forks so far out of that descriptor; false: the group is gone. */
MS_MUST_CHECK bool ms_cgroup_read_forks(int fd, uint64_t *ret);
/*
 * ms_cgroups_open_processes - pids.current over all instances, for ms_cgroups_read_processes():
 * one look that tells whether any of them grew. Owned by the caller. -ENOENT: not needed here, the
 * descriptor of each wakes by itself.
 */
MS_MUST_CHECK int ms_cgroups_open_processes(const struct ms_cgroups *cgroups);
uint64_t ms_cgroups_read_processes(int fd);

#endif
