/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * queue.c - whose turn it is to launch. A launch is work for the processor and the kernel's global
 * locks: more at once than twice the cores make each of them slow and all of them late. First come,
 * first served.
 */
#include <sched.h>

#include "supervisor/daemon/emergency.h"
#include "supervisor/daemon/instance-life.h"
#include "supervisor/daemon/instances.h"
#include "supervisor/daemon/supervisor.h"

static void begin(struct ms_instance *i)
{
	struct ms_error err = MS_ERROR_INIT;

	i->has_slot = true;
	i->s->instances->n_launching++;
	ms_life_set(i, MS_STATE_INSPECTING);
	if (ms_emergency_admit(i->s->emergency, &err) < 0) {
		ms_life_fail(i, &err);
	} else if (ms_life_inspect(i, &err) < 0) {
		(void)ms_error_wrap(&err, "inspect"); /* returns the code */
		ms_life_fail(i, &err);
	}
}

static int on_pump(sd_event_source *source MS_UNUSED, void *data)
{
	struct ms_instances *t = data;

	while (t->q_first && t->n_launching < t->max_launching) {
		struct ms_instance *i = t->q_first;

		t->q_first = i->q_next;
		if (!t->q_first)
			t->q_last = NULL;
		i->q_next = NULL;
		t->n_queued--;
		begin(i);
	}
	return 0;
}

static void wake(struct ms_instances *t)
{
	MS_IGNORE(sd_event_source_set_enabled(t->q_pump, SD_EVENT_ONESHOT)); /* it is there */
}

void ms_queue_enter(struct ms_instance *i)
{
	struct ms_instances *t = i->s->instances;

	if (t->q_last)
		t->q_last->q_next = i;
	else
		t->q_first = i;
	t->q_last = i;
	t->n_queued++;
	wake(t);
}

static void unqueue(struct ms_instances *t, struct ms_instance *i)
{
	struct ms_instance *before = NULL;

	for (struct ms_instance *at = t->q_first; at; before = at, at = at->q_next) {
		if (at != i)
			continue;
		if (before)
			before->q_next = i->q_next;
		else
			t->q_first = i->q_next;
		if (t->q_last == i)
			t->q_last = before;
		i->q_next = NULL;
		t->n_queued--;
		return;
	}
}

void ms_queue_leave(struct ms_instance *i)
{
	struct ms_instances *t = i->s->instances;

	if (!i->has_slot) {
		unqueue(t, i);
		return;
	}
	i->has_slot = false;
	t->n_launching--;
	wake(t);
}

static uint32_t count_cores(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return n > 0 ? (uint32_t)n : 1;
}

int ms_queue_open(struct ms_instances *t, struct ms_error *err)
{
	int r = sd_event_add_defer(t->s->loop, &t->q_pump, on_pump, t);

	t->max_launching = 2 * count_cores();
	if (r >= 0)
		r = sd_event_source_set_enabled(t->q_pump, SD_EVENT_OFF);
	return r < 0 ? ms_error_set(err, -r, "set up the start queue") : 0;
}
