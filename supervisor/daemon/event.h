/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * event.h - the one way out for what happened: numbered, kept in memory (MS_MAX_EVENTS_KEPT),
 * delivered to subscribers. Kept types get a gapless `seq` within `epoch`. A subscriber that does
 * not read loses its subscription with a gap, and never blocks the supervisor. Called by instance.c
 * and violation.c; read by control.c.
 */
#ifndef MS_DAEMON_EVENT_H
#define MS_DAEMON_EVENT_H

#include "lib/base.h"
#include "policy/json.h"

struct ms_events;

/* Who an event is about; every string borrowed for the call, "" when it does not apply. */
struct ms_event_head {
	const char *type; /* "violation", "instance.started", "instance.exited" ... */
	struct ms_str module, version, tenant, tier, instance;
	const struct ms_json *labels; /* an object, or NULL */
};

struct ms_events *ms_events_new(void); /* a new random epoch; NULL on ENOMEM */
struct ms_events *ms_events_free(struct ms_events *events);

/*
 * ms_event_emit - number it, keep it, hand it to the subscribers.
 * @take_data: the object `data`, complete, consumed in every case.
 * On ENOMEM the loss is counted and the next event of each subscriber follows a gap.
 */
void ms_event_emit(struct ms_events *events, const struct ms_event_head *head,
		   struct ms_jw *take_data);

#endif
