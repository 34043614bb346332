/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * event.h - the one way out for what happened: numbered, kept in memory (MS_MAX_EVENTS_KEPT, each
 * instance its share), delivered to subscribers. Every event gets a gapless `seq` within `epoch`. A
 * subscription is a place in the ring that its reader moves on when it has room: a reader that does
 * not read falls behind, loses its subscription with a gap when the ring passes it, and never
 * blocks the supervisor. Emitted by instance.c and violation.c; read by method-event.c.
 */
#ifndef MS_DAEMON_EVENT_H
#define MS_DAEMON_EVENT_H

#include "lib/base.h"
#include "policy/json.h"

struct ms_peer_entry;

struct ms_events;
struct ms_event; /* one, immutable, shared by all who still have to send it */
struct ms_sub;

enum ms_severity {
	MS_SEVERITY_NONE, /* the event has none: every filter lets it pass */
	MS_SEVERITY_NOTICE,
	MS_SEVERITY_WARNING,
	MS_SEVERITY_CRITICAL,
	MS_SEVERITY_COUNT
};

/* Who an event is about; every string borrowed for the call, "" when it does not apply. */
struct ms_event_head {
	const char *type; /* "violation", "instance.started", "instance.exited" ... */
	struct ms_str module, version, tenant, tier, instance;
	const struct ms_json *labels; /* an object, or NULL */
	enum ms_severity severity;    /* what data.severity says, for the filters */
};

struct ms_events *ms_events_new(void); /* a new random epoch; NULL on ENOMEM */
struct ms_events *ms_events_free(struct ms_events *events);

const char *ms_events_epoch(const struct ms_events *events); /* 16 hex digits */
uint64_t ms_events_oldest(const struct ms_events *events);   /* = next when nothing is kept */
uint64_t ms_events_next(const struct ms_events *events);     /* seq of the next new event */

/*
 * ms_event_emit - number it, keep it, hand it to the subscribers.
 * @take_data: the object `data`, complete, consumed in every case.
 * On ENOMEM the loss is counted and the next event of each subscriber follows a gap.
 */
void ms_event_emit(struct ms_events *events, const struct ms_event_head *head,
		   struct ms_jw *take_data);

struct ms_event *ms_event_ref(struct ms_event *event);
struct ms_event *ms_event_unref(struct ms_event *event);
struct ms_str ms_event_text(const struct ms_event *event); /* the whole object, one line */
uint64_t ms_event_seq(const struct ms_event *event);

/* An empty list lets everything pass. Types are exact, or a family: "instance.*". */
struct ms_sub_list {
	struct ms_str words[MS_MAX_FILTER_WORDS];
	uint32_t n;
};
struct ms_sub_filter {
	struct ms_sub_list types, modules, tenants, instances;
	enum ms_severity severity;
	/* Whose events these are to be: borrowed as long as the subscription lasts. NULL = all. */
	const struct ms_peer_entry *scope;
	bool since; /* go on after .. */
	struct ms_str since_epoch;
	uint64_t since_seq;
	bool mark; /* tell once, when all that is kept has been given */
};

/* ms_sub_new - @filter is copied. @wake(data) tells that ms_sub_next() may have something; it is
 * called from ms_event_emit() and must not call back into this file. 0, -ENOMEM, or -EINVAL for a
 * `since` that lies in the future of this epoch. */
MS_MUST_CHECK int ms_sub_new(struct ms_events *events, const struct ms_sub_filter *filter,
			     void (*wake)(void *data), void *data, struct ms_sub **ret);
struct ms_sub *ms_sub_free(struct ms_sub *sub);

enum ms_sub_result {
	MS_SUB_EMPTY = 1,
	MS_SUB_GAP = 2,
	MS_SUB_ENDED = 3,
	MS_SUB_MARK = 4,
	MS_SUB_LATER = 5
};
struct ms_sub_item {
	uint64_t prev;		/* what was sent before, of this subscription */
	struct ms_event *event; /* with 0: a reference, the caller's */
	uint64_t from, to;	/* with MS_SUB_GAP and MS_SUB_ENDED */
	const char *reason;
};
/* ms_sub_next - the next thing to send: 0 an event; MS_SUB_EMPTY nothing now; MS_SUB_LATER: nothing
 * that is wanted in what was looked at, which was enough for one turn: ask again; MS_SUB_GAP;
 * MS_SUB_ENDED, a gap after which the subscription is over (and answers MS_SUB_EMPTY for ever); or
 * MS_SUB_MARK, once. */
MS_MUST_CHECK int ms_sub_next(struct ms_sub *sub, struct ms_sub_item *ret);

/* ms_event_time - RFC 3339 with microseconds, UTC: "2026-01-02T03:04:05.678901Z". */
#define MS_EVENT_TIME_BYTES 32u
const char *ms_event_time(uint64_t realtime_usec, char out[static MS_EVENT_TIME_BYTES]);
const char *ms_severity_word(enum ms_severity severity);

#endif
