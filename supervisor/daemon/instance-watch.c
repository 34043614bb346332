/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * instance-watch.c - the watch over the limits of one instance: whom it is about, and what is found
 * as an event. Called by end.c.
 */
#include "supervisor/daemon/instance-watch.h"

#include "lib/log.h"
#include "supervisor/daemon/instance-life.h"
#include "supervisor/daemon/supervisor.h"
#include "supervisor/daemon/violation.h"
#include "supervisor/daemon/watch.h"

static void on_processes(struct ms_instance *i, uint64_t refused, uint64_t current)
{
	struct ms_event_head head;

	ms_life_head(i, "violation", &head);
	ms_violation_forks(i->s->events, &head, i->policy->limits[MS_LIMIT_PROCESSES], refused,
			   current);
}

static void on_cpu(struct ms_instance *i, const struct ms_watch_cpu *figures)
{
	struct ms_event_head head;

	ms_life_head(i, "limit.cpu", &head);
	ms_violation_slow(i->s->events, &head, figures);
}

static void on_memory(struct ms_instance *i, const struct ms_watch_memory *figures)
{
	struct ms_event_head head;

	ms_life_head(i, "limit.memory", &head);
	ms_violation_full(i->s->events, &head, figures);
}

/** ms_instance_watch() - see instance-watch.h. */
struct ms_watch *ms_instance_watch(struct ms_instance *i)
{
	static const struct ms_watch_ops ops = {
		.on_processes = on_processes,
		.on_cpu = on_cpu,
		.on_memory = on_memory,
	};
	const struct ms_watch_spec spec = {
		.cgroup = ms_box_cgroup(i->box),
		.limits = i->policy->limits,
		.ops = &ops,
		.instance = i,
		.ran_usec = i->ran_usec,
		.adopted = i->adopted,
	};
	struct ms_error err = MS_ERROR_INIT;
	struct ms_watch *watch = NULL;

	if (ms_watch_new(i->s, &spec, &watch, &err) < 0)
		ms_log(MS_LOG_WARNING, "instance %s: %s, its limits hold untold", i->id, err.msg);
	return watch;
}
