/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * watch.h - the limits of running instances, watched: one object for each, from its start to its
 * end, and one timer for all. Tells what the kernel does not: that a limit is being hit while the
 * module lives on. Also keeps the figures of instance.stats. Decides nothing.
 *
 * How late something is told:
 *	refused forks	v2: at once, the kernel wakes
 *			v1: 2 s, by a look at the total over all instances each 1.5 s; 10 s when it
 *			grew while others shrank by as much
 *	throttling	10 s after it has lasted for a minute
 *	memory		10 s
 */
#ifndef MS_DAEMON_WATCH_H
#define MS_DAEMON_WATCH_H

#include "lib/base.h"
#include "lib/error.h"
#include "policy/manifest.h"
#include "supervisor/daemon/layer/cgroup-stats.h"

struct ms_instance;
struct ms_supervisor;
struct ms_watch;
struct ms_watches;

struct ms_watch_cpu {
	uint64_t limit_pct;
	uint64_t window_usec, periods;	    /* how long that was, in periods of the quota */
	uint64_t throttled, throttled_usec; /* periods in which it wanted more than it may */
};

struct ms_watch_memory {
	uint64_t limit_bytes, current_bytes;
	uint64_t hits; /* since the last report */
};

/* Called from the loop, and from ms_watch_new(). None may free a watch. Any may be NULL. */
struct ms_watch_ops {
	/* forks refused since the last report: the first at once, then at most once a second */
	void (*on_processes)(struct ms_instance *i, uint64_t refused, uint64_t current);
	/* throttled in more than half of the last minute: once a minute while it lasts */
	void (*on_cpu)(struct ms_instance *i, const struct ms_watch_cpu *figures);
	/* its memory was at the limit, and nothing was killed for it: at most once a minute */
	void (*on_memory)(struct ms_instance *i, const struct ms_watch_memory *figures);
};

struct ms_watch_spec {
	const struct ms_cgroup *cgroup; /* borrowed until ms_watch_free() */
	const uint64_t *limits;		/* of enum ms_limit, copied */
	const struct ms_watch_ops *ops; /* borrowed for ever */
	struct ms_instance *instance;	/* borrowed */
	uint64_t ran_usec;		/* what it had run before: one taken over */
	bool adopted; /* what its groups counted so far was told by another daemon */
};

MS_MUST_CHECK int ms_watches_new(struct ms_supervisor *s, struct ms_watches **ret,
				 struct ms_error *err);
struct ms_watches *ms_watches_free(struct ms_watches *watches); /* none may be left */

MS_MUST_CHECK int ms_watch_new(struct ms_supervisor *s, const struct ms_watch_spec *spec,
			       struct ms_watch **ret, struct ms_error *err);
struct ms_watch *ms_watch_free(struct ms_watch *watch);
/* ms_watch_untold - of the @total of refused forks at the end, those that no report has told. All
 * of them when @watch is NULL. */
uint64_t ms_watch_untold(const struct ms_watch *watch, uint64_t total);

/* The figures of one, at most a second old. */
struct ms_watch_figures {
	struct ms_cgroup_stats now; /* cpu, throttle, memory, processes; not the others */
	uint64_t uptime_usec;	    /* when they were read: differences of both fit each other */
	uint64_t limits[MS_LIMIT_COUNT];
};
/* ms_watch_figures - false: @instance does not run. */
MS_MUST_CHECK bool ms_watch_figures(struct ms_supervisor *s, const struct ms_instance *instance,
				    struct ms_watch_figures *ret);

struct ms_watch_walk {
	uint64_t after; /* begin with the one after that number; 0 = the first */
	uint32_t limit; /* on how many are shown */
	bool (*is_wanted)(void *data, const struct ms_instance *i);
	void (*show)(void *data, const struct ms_instance *i,
		     const struct ms_watch_figures *figures);
	void *data;
};
/* ms_watch_each - those that run, in the order of their starts; returns the number to go on from, 0
 * at the end. Ends before the limit, too, when it would take too long to read more figures at once:
 * within a second of the first question all of them are there. */
uint64_t ms_watch_each(struct ms_supervisor *s, const struct ms_watch_walk *walk);

#endif
