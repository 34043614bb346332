/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * violation.c - one event each for what was refused and for limits that were hit. Texts that a
 * module made (comm, exe, arguments) are escaped by the JSON writer and call-text.c; nothing here
 * interprets them. Called by instance.c.
 */
#include "supervisor/daemon/violation.h"

#include <signal.h>
#include <string.h>

#include "supervisor/daemon/call-text.h"
#include "supervisor/daemon/watch.h"

/* The words of every violation. */
struct words {
	const char *layer, *class, *action, *rule, *remedy;
	enum ms_severity severity;
	uint64_t count;
};

/* The object `data`, open for `observed` and `process`; NULL on ENOMEM. */
static struct ms_jw *begin(const struct words *w)
{
	struct ms_jw *jw = ms_jw_new();

	if (!jw)
		return NULL;
	ms_jw_object(jw, NULL);
	ms_jw_text(jw, "layer", w->layer);
	ms_jw_text(jw, "class", w->class);
	ms_jw_text(jw, "severity", ms_severity_word(w->severity));
	ms_jw_text(jw, "action", w->action);
	ms_jw_text(jw, "rule", w->rule);
	ms_jw_uint(jw, "count", w->count);
	ms_jw_text(jw, "remedy", w->remedy);
	return jw;
}

static void emit(struct ms_events *events, const struct ms_event_head *head, const struct words *w,
		 struct ms_jw *take_jw)
{
	struct ms_event_head own = *head;

	own.type = "violation";
	own.severity = w->severity;
	if (take_jw)
		ms_jw_end(take_jw);
	ms_event_emit(events, &own, take_jw); /* NULL is counted as lost, and told as a gap */
}

static void write_process(struct ms_jw *jw, uint32_t pid, const struct ms_shim_violation *v)
{
	ms_jw_object(jw, "process");
	if (pid)
		ms_jw_uint(jw, "pid", pid);
	if (v && v->pid)
		ms_jw_uint(jw, "pidInside", v->pid);
	if (v && v->tid)
		ms_jw_uint(jw, "tidInside", v->tid);
	if (v && v->comm.len)
		ms_jw_str(jw, "comm", v->comm);
	if (v && v->exe.len)
		ms_jw_str(jw, "exe", v->exe);
	ms_jw_end(jw);
}

static const char *action_word(enum ms_shim_action action)
{
	switch (action) {
	case MS_SHIM_BLOCKED:
		return "blocked";
	case MS_SHIM_THROTTLED:
		return "throttled";
	case MS_SHIM_TERMINATED:
	case MS_SHIM_ACTION_COUNT:
		break;
	}
	return "terminated";
}

/** ms_violation_syscall() - refused calls of one kind, as the shim told them. */
void ms_violation_syscall(struct ms_events *events, const struct ms_event_head *head,
			  const struct ms_shim_violation *v, uint32_t pid)
{
	const struct ms_call_info *info = ms_call_info(v->arch, v->nr);
	struct words w = {
		.layer = "syscall",
		.class = info->class,
		.severity = v->action == MS_SHIM_TERMINATED ? MS_SEVERITY_CRITICAL : info->severity,
		.action = action_word(v->action),
		.rule = info->rule,
		.remedy = info->remedy,
		.count = v->count,
	};
	struct ms_jw *jw = begin(&w);

	if (jw) {
		ms_jw_uint(jw, "total", v->total);
		ms_jw_uint(jw, "actBootUsec", v->boot_usec);
		ms_jw_object(jw, "observed");
		ms_call_text_observed(jw, v);
		ms_jw_end(jw);
		write_process(jw, pid, v);
	}
	emit(events, head, &w, jw);
}

/** ms_violation_memory() - the kernel ended processes for want of memory. */
void ms_violation_memory(struct ms_events *events, const struct ms_event_head *head,
			 const struct ms_violation_memory *m)
{
	struct words w = {
		.layer = "memory",
		.class = "memory",
		.severity = m->host ? MS_SEVERITY_NOTICE : MS_SEVERITY_WARNING,
		.action = "terminated",
		.rule = m->host ? "host-memory" : "limits.memory",
		.remedy =
			m->host ? "the host ran out of memory; the module stayed within its own "
				  "limit and is not to blame"
				: "raise limits.memory in the manifest (and the tier's ceiling) if "
				  "the module needs more; else look for what it keeps",
		.count = m->kills ? m->kills : 1,
	};
	struct ms_jw *jw = begin(&w);

	if (jw) {
		ms_jw_object(jw, "observed");
		ms_jw_uint(jw, "limitBytes", m->limit_bytes);
		if (m->peak_bytes)
			ms_jw_uint(jw, "peakBytes", m->peak_bytes);
		ms_jw_uint(jw, "kills", m->kills);
		ms_jw_end(jw);
	}
	emit(events, head, &w, jw);
}

/** ms_violation_forks() - forks refused by the limit, of a module that goes on. */
void ms_violation_forks(struct ms_events *events, const struct ms_event_head *head, uint64_t limit,
			uint64_t failures, uint64_t current)
{
	struct words w = {
		.layer = "processes",
		.class = "policy",
		.severity = MS_SEVERITY_WARNING,
		.action = "blocked",
		.rule = "limits.processes",
		.remedy = "raise limits.processes in the manifest (and the tier's ceiling) if it "
			  "needs more; threads count, too",
		.count = failures ? failures : 1,
	};
	struct ms_jw *jw = begin(&w);

	if (jw) {
		ms_jw_object(jw, "observed");
		ms_jw_uint(jw, "limit", limit);
		ms_jw_uint(jw, "failures", failures);
		if (current)
			ms_jw_uint(jw, "current", current);
		ms_jw_end(jw);
	}
	emit(events, head, &w, jw);
}

/** ms_violation_processes() - forks refused by the limit, when it is over. */
void ms_violation_processes(struct ms_events *events, const struct ms_event_head *head,
			    uint64_t limit, uint64_t failures)
{
	ms_violation_forks(events, head, limit, failures, 0);
}

/* The object `data` of what is no violation, open for figures; NULL on ENOMEM. */
static struct ms_jw *begin_notice(const char *remedy)
{
	struct ms_jw *jw = ms_jw_new();

	if (!jw)
		return NULL;
	ms_jw_object(jw, NULL);
	ms_jw_text(jw, "severity", ms_severity_word(MS_SEVERITY_NOTICE));
	ms_jw_text(jw, "remedy", remedy);
	return jw;
}

/** ms_violation_slow() - throttled most of the time. */
void ms_violation_slow(struct ms_events *events, const struct ms_event_head *head,
		       const struct ms_watch_cpu *cpu)
{
	struct ms_jw *jw = begin_notice("raise limits.cpu in the manifest (and the tier's ceiling) "
					"if it has so much to do; else look for what spins");
	struct ms_event_head own = *head;

	own.type = "limit.cpu";
	own.severity = MS_SEVERITY_NOTICE;
	if (jw) {
		ms_jw_uint(jw, "limit", cpu->limit_pct);
		ms_jw_uint(jw, "periods", cpu->periods);
		ms_jw_uint(jw, "throttled", cpu->throttled);
		ms_jw_uint(jw, "throttledUsec", cpu->throttled_usec);
		ms_jw_uint(jw, "windowUsec", cpu->window_usec);
		ms_jw_end(jw);
	}
	ms_event_emit(events, &own, jw); /* NULL is counted as lost, and told as a gap */
}

/** ms_violation_full() - the memory was at its limit, and nobody was killed for it. */
void ms_violation_full(struct ms_events *events, const struct ms_event_head *head,
		       const struct ms_watch_memory *memory)
{
	struct ms_jw *jw = begin_notice("files that it read and wrote count as well and gave way: "
					"raise limits.memory in the manifest if it got slow, or "
					"before it needs more and is ended");
	struct ms_event_head own = *head;

	own.type = "limit.memory";
	own.severity = MS_SEVERITY_NOTICE;
	if (jw) {
		ms_jw_uint(jw, "limitBytes", memory->limit_bytes);
		ms_jw_uint(jw, "currentBytes", memory->current_bytes);
		ms_jw_uint(jw, "hits", memory->hits);
		ms_jw_end(jw);
	}
	ms_event_emit(events, &own, jw); /* NULL is counted as lost, and told as a gap */
}

/* Signals that the kernel sends for what a program did itself; NULL for the others. */
static const char *fault_of(uint8_t signo)
{
	switch (signo) {
	case SIGSEGV:
		return "it touched memory that is not mapped, or not for that";
	case SIGBUS:
		return "it touched memory behind which there is nothing (a file cut short, a full "
		       "/tmp or /dev/shm)";
	case SIGILL:
		return "it ran an instruction that this processor does not have";
	case SIGFPE:
		return "it divided by zero or overflowed";
	case SIGTRAP:
		return "it hit a breakpoint or a trap of its own";
	case SIGABRT:
		return "it gave up by itself: an assertion, or its runtime's end";
	case SIGSYS:
		return "a system call was answered with its end";
	case SIGXCPU:
		return "it used up the processor time it may have";
	case SIGXFSZ:
		return "it wrote a file larger than it may";
	default: /* sent by somebody, on purpose: says nothing about the module's acts */
		return NULL;
	}
}

/** ms_violation_signal() - the main process died by a signal that its own act caused. */
void ms_violation_signal(struct ms_events *events, const struct ms_event_head *head, uint32_t pid,
			 uint8_t signo, bool core)
{
	const char *fault = fault_of(signo), *name = sigabbrev_np(signo);
	struct words w = {
		.layer = "syscall",
		.class = "policy",
		.severity = signo == SIGSYS ? MS_SEVERITY_WARNING : MS_SEVERITY_NOTICE,
		.action = "observed",
		.rule = "signal",
		.remedy = signo == SIGSYS
				  ? "see the refused calls before it; such a call is never granted"
				  : "not a refusal: look at the module's log and its own code",
		.count = 1,
	};
	struct ms_jw *jw;

	if (!fault)
		return;
	jw = begin(&w);
	if (jw) {
		ms_jw_object(jw, "observed");
		ms_jw_uint(jw, "signal", signo);
		if (name)
			ms_jw_textf(jw, "signalName", "SIG%s", name);
		ms_jw_text(jw, "meaning", fault);
		ms_jw_bool(jw, "coreWanted", core);
		ms_jw_end(jw);
		write_process(jw, pid, NULL);
	}
	emit(events, head, &w, jw);
}

/* `observed` of what is only a number of refused calls. */
static void emit_counts(struct ms_events *events, const struct ms_event_head *head,
			const struct words *w, uint64_t denied, uint64_t reported)
{
	struct ms_jw *jw = begin(w);

	if (jw) {
		ms_jw_uint(jw, "total", denied);
		ms_jw_object(jw, "observed");
		ms_jw_uint(jw, "denied", denied);
		ms_jw_uint(jw, "reported", reported);
		ms_jw_end(jw);
	}
	emit(events, head, w, jw);
}

/** ms_violation_flood() - the module was ended for the number of its refused calls. */
void ms_violation_flood(struct ms_events *events, const struct ms_event_head *head, uint64_t denied,
			uint64_t reported)
{
	struct words w = {
		.layer = "syscall",
		.class = "policy",
		.severity = MS_SEVERITY_CRITICAL,
		.action = "terminated",
		.rule = "violations.killAfter",
		.remedy = "the module repeats refused calls without end: see the kinds reported "
			  "before; the limits of the flood are in modsupd.json",
		.count = denied ? denied : 1,
	};

	emit_counts(events, head, &w, denied, reported);
}

/** ms_violation_unreported() - refused calls that are known by number only. */
void ms_violation_unreported(struct ms_events *events, const struct ms_event_head *head,
			     uint64_t denied, uint64_t reported)
{
	struct words w = {
		.layer = "syscall",
		.class = "policy",
		.severity = MS_SEVERITY_WARNING,
		.action = "blocked",
		.rule = "seccomp: more kinds than are told apart",
		.remedy = "every call was refused; the kinds that were told stand in the events "
			  "before",
		.count = denied > reported ? denied - reported : 0,
	};

	if (denied > reported)
		emit_counts(events, head, &w, denied, reported);
}
