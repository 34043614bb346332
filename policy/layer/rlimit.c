/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rlimit.c - the resource limits of every process of a module. RLIMIT_AS is never used (it breaks
 * what maps sparsely), RLIMIT_NPROC neither: the cgroup counts.
 */
#include <sys/resource.h>

#include "policy/build.h"

static void add(struct ms_builder *b, uint32_t resource, uint64_t value)
{
	struct ms_plan *plan = b->plan;

	if (plan->n_rlimits == MS_MAX_RLIMITS) {
		b->overflow = "resource limits";
		return;
	}
	plan->rlimits[plan->n_rlimits++] = (struct ms_plan_rlimit){resource, value, value};
}

void ms_build_rlimits(struct ms_builder *b)
{
	const uint64_t *limits = b->in->policy->limits;

	/* exactly 1 stops the core_pattern pipe handler too, which would run as root on the host
	 * (core(5)); the filter keeps the module from changing it */
	add(b, RLIMIT_CORE, 1);
	add(b, RLIMIT_NOFILE, limits[MS_LIMIT_OPEN_FILES]);
	add(b, RLIMIT_MEMLOCK, 64u << 10);
	add(b, RLIMIT_MSGQUEUE,
	    0); /* POSIX queues live in kernel memory that the cgroup does not see */
	add(b, RLIMIT_RTPRIO, 0);
	add(b, RLIMIT_RTTIME, 0);
	add(b, RLIMIT_NICE, 0);
	add(b, RLIMIT_SIGPENDING, 256);
	add(b, RLIMIT_LOCKS, 1024);
}
