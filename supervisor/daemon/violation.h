/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * violation.h - what a shim or a cgroup told, as `violation` events: layer, class, severity,
 * action, rule, observed, process, count, remedy, as docs/protocol.md says. Decides nothing: what
 * was done about it is an argument. Called by instance.c.
 */
#ifndef MS_DAEMON_VIOLATION_H
#define MS_DAEMON_VIOLATION_H

#include "lib/base.h"
#include "lib/shimwire.h"
#include "supervisor/daemon/event.h"

struct ms_watch_cpu;
struct ms_watch_memory;

/* Each takes who it is about in @head (type and severity are set here). @pid is the number on the
 * host, 0 when it is not known (any more). */

/* ms_violation_syscall - refused calls of one kind. */
void ms_violation_syscall(struct ms_events *events, const struct ms_event_head *head,
			  const struct ms_shim_violation *v, uint32_t pid);

/* What the kernel said about a group that ran out of memory. */
struct ms_violation_memory {
	uint64_t limit_bytes;
	uint64_t peak_bytes; /* 0 = not known */
	uint64_t kills;	     /* processes that the kernel ended */
	bool host;	     /* the host was short, not the instance: never the module's fault */
};
void ms_violation_memory(struct ms_events *events, const struct ms_event_head *head,
			 const struct ms_violation_memory *m);

/* ms_violation_processes - @failures forks refused at @limit since the last report. */
void ms_violation_processes(struct ms_events *events, const struct ms_event_head *head,
			    uint64_t limit, uint64_t failures);
/* ms_violation_forks - the same of one that goes on, with how many processes it has. */
void ms_violation_forks(struct ms_events *events, const struct ms_event_head *head, uint64_t limit,
			uint64_t failures, uint64_t current);

/* Limits that slow down and refuse nothing: events of types of their own, never violations. */

/* ms_violation_slow - `limit.cpu`: it wants more processor time than it may have. */
void ms_violation_slow(struct ms_events *events, const struct ms_event_head *head,
		       const struct ms_watch_cpu *cpu);
/* ms_violation_full - `limit.memory`: at its limit, where the kernel found something to give up. */
void ms_violation_full(struct ms_events *events, const struct ms_event_head *head,
		       const struct ms_watch_memory *memory);

/* ms_violation_signal - the module's main process died by @signo; @core: it would have dumped.
 * Signals that say nothing about the module's acts (SIGTERM, SIGKILL ...) make no event. */
void ms_violation_signal(struct ms_events *events, const struct ms_event_head *head, uint32_t pid,
			 uint8_t signo, bool core);

/* ms_violation_flood - the shim ended the module: @denied refused calls, of which @reported were
 * told one by one or folded. */
void ms_violation_flood(struct ms_events *events, const struct ms_event_head *head, uint64_t denied,
			uint64_t reported);

/* ms_violation_unreported - calls that were refused and counted, but found no room in a report. */
void ms_violation_unreported(struct ms_events *events, const struct ms_event_head *head,
			     uint64_t denied, uint64_t reported);

#endif
