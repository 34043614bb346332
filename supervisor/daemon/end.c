/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * end.c - what happens to an instance once it runs: violations, limits on time, being stopped,
 * ending; each told as an event before its consequence.
 */
#include <string.h>

#include "supervisor/daemon/emergency.h"
#include "supervisor/daemon/instance-life.h"
#include "supervisor/daemon/instance-watch.h"
#include "supervisor/daemon/instances.h"
#include "supervisor/daemon/launcher.h"
#include "supervisor/daemon/layer/cgroup.h"
#include "supervisor/daemon/state.h"
#include "supervisor/daemon/supervisor.h"
#include "supervisor/daemon/unit.h"
#include "supervisor/daemon/violation.h"
#include "supervisor/daemon/watch.h"

#define CPU_POLL_USEC	100000u
#define LAST_GRACE_USEC 2000000u /* from "kill the module" to "kill the shim too" */

void ms_life_close(struct ms_instance *i)
{
	i->stop_timer = sd_event_source_disable_unref(i->stop_timer);
	i->wall_timer = sd_event_source_disable_unref(i->wall_timer);
	i->cpu_timer = sd_event_source_disable_unref(i->cpu_timer);
	ms_life_ready_close(i);
	i->watch = ms_watch_free(i->watch);
	i->answer_source = sd_event_source_disable_unref(i->answer_source);
	i->answer_fd = ms_fd_close(i->answer_fd);
	i->bundle = ms_fd_close(i->bundle);
	i->manifest = ms_fd_close(i->manifest);
	i->state_dir = ms_fd_close(i->state_dir);
}

void ms_life_let_go(struct ms_instance *i)
{
	const struct ms_manifest *m = i->inspection.manifest;

	ms_life_close(i);
	ms_queue_leave(i);
	if (i->stdio == MS_STDIO_LOG)
		ms_state_drop_record(i->s->state, i->id);
	/* a unit's stay: who connects waits there for its next run */
	for (uint32_t n = 0; !i->unit && n < i->n_sockets; n++)
		ms_state_unbind(i->s->state, i->socket_key, m->listen[n]);
	i->n_sockets = 0;
}

static void let_client_go(struct ms_instance *i)
{
	for (uint32_t n = 0; n < i->n_client_fds; n++)
		i->client_fds[n] = ms_fd_close(i->client_fds[n]);
	i->n_client_fds = 0;
}

/* -- events -- */

static void emit_started(struct ms_instance *i)
{
	const struct ms_launcher *l = i->s->launcher;
	struct ms_jw *jw = ms_jw_new();

	if (l->n_skipped && jw) {
		struct ms_jw *degraded = ms_jw_new();

		if (degraded) {
			ms_jw_object(degraded, NULL);
			ms_jw_array(degraded, "layers");
			for (uint32_t n = 0; n < l->n_skipped; n++)
				ms_jw_text(degraded, NULL, l->skipped[n]);
			ms_jw_end(degraded);
			ms_jw_end(degraded);
		}
		ms_life_emit(i, "instance.degraded", degraded);
	}
	if (jw) {
		ms_jw_object(jw, NULL);
		ms_jw_uint(jw, "pid", i->pid);
		ms_jw_text(jw, "policy", i->policy_hex);
		ms_jw_end(jw);
	}
	ms_life_emit(i, "instance.started", jw);
}

static void emit_adopted(struct ms_instance *i)
{
	struct ms_jw *jw = ms_jw_new();

	if (jw) {
		ms_jw_object(jw, NULL);
		ms_jw_uint(jw, "pid", i->pid);
		ms_jw_text(jw, "policy", i->policy_hex);
		ms_jw_uint(jw, "generation", i->generation);
		ms_jw_uint(jw, "denied", i->denied);
		ms_jw_end(jw);
	}
	ms_life_emit(i, "instance.adopted", jw);
}

static void emit_failed(struct ms_instance *i)
{
	struct ms_jw *jw = ms_jw_new();

	if (jw) {
		ms_jw_object(jw, NULL);
		ms_jw_text(jw, "reason", ms_reason_word(i->error.reason));
		ms_jw_text(jw, "step", ms_step_word(i->error.step));
		ms_jw_text(jw, "message", i->error.msg);
		ms_jw_text(jw, "hint", i->error.hint);
		ms_jw_end(jw);
	}
	ms_life_emit(i, "instance.failed", jw);
}

static void emit_exited(struct ms_instance *i, const struct ms_box_end *end)
{
	struct ms_jw *jw = ms_jw_new();

	if (jw) {
		ms_jw_object(jw, NULL);
		ms_jw_text(jw, "cause", i->exit.cause);
		ms_jw_text(jw, "by", i->exit.by);
		if (i->exit.by_signal) {
			ms_jw_uint(jw, "signal", i->exit.value);
			ms_jw_textf(jw, "signalName", "SIG%s",
				    sigabbrev_np(i->exit.value) ? sigabbrev_np(i->exit.value)
								: "?");
		} else {
			ms_jw_uint(jw, "code", i->exit.value);
		}
		ms_jw_uint(jw, "generation", i->generation);
		ms_jw_uint(jw, "denied", end->exit.denied);
		ms_jw_uint(jw, "peakMemoryBytes", end->memory.peak_bytes);
		ms_jw_uint(jw, "cpuUsec", end->cpu_usec);
		ms_jw_uint(jw, "logDroppedBytes", end->exit.log_dropped_bytes);
		ms_jw_str(jw, "stderrTail", (struct ms_str){.p = i->tail, .len = i->tail_len});
		ms_jw_end(jw);
	}
	ms_life_emit(i, "instance.exited", jw);
}

void ms_life_violation(struct ms_instance *i, const struct ms_shim_violation *v, uint32_t pid)
{
	struct ms_event_head head;

	i->denied = v->total;
	ms_life_head(i, "violation", &head);
	ms_violation_syscall(i->s->events, &head, v, pid);
}

void ms_life_memory(struct ms_instance *i, const struct ms_cgroup_memory *memory)
{
	const struct ms_violation_memory m = {
		.limit_bytes = i->policy->limits[MS_LIMIT_MEMORY],
		.peak_bytes = memory->peak_bytes,
		.kills = memory->oom_kills,
		.host = memory->by_host,
	};
	struct ms_event_head head;

	i->memory_told = true;
	i->host_memory = m.host;
	ms_life_head(i, "violation", &head);
	ms_violation_memory(i->s->events, &head, &m);
}

/* ---- up
 * -------------------------------------------------------------------------------------------------
 */

static void out_of_time(struct ms_instance *i)
{
	ms_life_kill(i, MS_ENDER_DEADLINE);
}

static int on_wall_time(sd_event_source *source, uint64_t usec, void *data)
{
	(void)source;
	(void)usec;
	out_of_time(data);
	return 0;
}

static int on_cpu_time(sd_event_source *source, uint64_t usec, void *data)
{
	struct ms_instance *i = data;

	(void)usec;
	if (!i->box)
		return 0;
	if (ms_cgroup_cpu_usec(ms_box_cgroup(i->box)) > i->policy->limits[MS_LIMIT_CPU_TIME]) {
		out_of_time(i);
		return 0;
	}
	if (sd_event_source_set_time_relative(source, CPU_POLL_USEC) < 0)
		return 0;
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* The limits on time that a policy sets for one-shots. A timer that cannot be set ends the
 * instance: not enforced is not granted. */
static void set_time_limits(struct ms_instance *i)
{
	const uint64_t wall = i->policy->limits[MS_LIMIT_WALL_TIME];
	sd_event *loop = i->s->loop;
	int r = 0;

	/* one that was taken over has used up what it ran before */
	if (wall)
		r = sd_event_add_time_relative(loop, &i->wall_timer, CLOCK_BOOTTIME,
					       wall > i->ran_usec ? wall - i->ran_usec : 0, 0,
					       on_wall_time, i);
	if (r >= 0 && i->policy->limits[MS_LIMIT_CPU_TIME])
		r = sd_event_add_time_relative(loop, &i->cpu_timer, CLOCK_BOOTTIME, CPU_POLL_USEC,
					       0, on_cpu_time, i);
	if (r < 0)
		out_of_time(i);
}

void ms_life_started(struct ms_instance *i, const struct ms_box_started *started)
{
	const uint64_t since_usec = i->since_usec;
	struct ms_unit *unit = i->unit;

	i->pid = started->pid;
	i->started = true;
	i->outdated = started->outdated;
	i->denied = started->denied;
	ms_queue_leave(i);
	if (unit)
		unit->was_up = true;
	if (started->adopted) {
		if (unit)
			ms_unit_take_sockets(unit, i->inspection.manifest, started);
		emit_adopted(i);
	} else {
		emit_started(i);
	}
	set_time_limits(i);
	i->watch = ms_instance_watch(i);
	if (i->state != MS_STATE_STARTING)
		return;
	ms_life_await_ready(i, started->adopted && (started->ready || (unit && unit->was_ready)));
	if (started->adopted) {
		i->since_usec = since_usec; /* it was so all the while */
		if (unit)
			ms_unit_note(unit); /* for the next successor, too */
	} else {
		ms_life_dirty(i);
	}
}

/* ---- down
 * -----------------------------------------------------------------------------------------------
 */

static int on_stop_time(sd_event_source *source MS_UNUSED, uint64_t usec MS_UNUSED, void *data)
{
	struct ms_instance *i = data;

	if (!i->box)
		return 0;
	if (i->stop_stage++ == 0) {
		ms_box_kill_module(i->box);
		if (sd_event_source_set_time_relative(i->stop_timer, LAST_GRACE_USEC) >= 0 &&
		    sd_event_source_set_enabled(i->stop_timer, SD_EVENT_ONESHOT) >= 0)
			return 0;
	}
	ms_box_kill(i->box);
	return 0;
}

/* What an operator wants outranks what modsupd found. */
static void note_ender(struct ms_instance *i, enum ms_ender why)
{
	if (i->ender == MS_ENDER_NONE || why == MS_ENDER_STOP || why == MS_ENDER_KILL ||
	    why == MS_ENDER_EMERGENCY)
		i->ender = why;
}

void ms_life_kill(struct ms_instance *i, enum ms_ender why)
{
	note_ender(i, why);
	if (i->box) {
		ms_box_kill(i->box);
		return;
	}
	/* still in the queue: there is nothing to end */
	i->exit = (struct ms_exit){.ended = true,
				   .by_signal = true,
				   .value = SIGKILL,
				   .cause = "stopped",
				   .by = "supervisor"};
	ms_life_let_go(i);
	ms_unit_ended(i, /* failed= */ false);
}

static int set_stop_timer(struct ms_instance *i)
{
	if (i->stop_timer)
		return 0; /* it stops by itself already: its time runs */
	return sd_event_add_time_relative(i->s->loop, &i->stop_timer, CLOCK_BOOTTIME,
					  i->inspection.manifest->stop_timeout_usec, 0,
					  on_stop_time, i);
}

void ms_life_bound_stop(struct ms_instance *i)
{
	if (i->ender != MS_ENDER_NONE || i->stop_timer || !ms_life_is_live(i))
		return;
	if (set_stop_timer(i) < 0) {
		ms_box_kill(i->box); /* as above */
		return;
	}
	ms_life_ready_close(i);
	ms_life_set(i, MS_STATE_STOPPING);
}

void ms_life_stop(struct ms_instance *i, enum ms_ender why)
{
	const bool again = i->ender != MS_ENDER_NONE;

	/* one to adopt runs, though its shim has not said so yet: what is sent waits there */
	if (!i->started && !i->adopted) {
		ms_life_kill(i, why); /* on its way up: nothing of it wants to say goodbye */
		return;
	}
	note_ender(i, why);
	if (again)
		return;
	if (set_stop_timer(i) < 0) {
		ms_box_kill(i->box); /* a wait without a bound is not begun */
		return;
	}
	ms_life_ready_close(i);
	ms_life_set(i, MS_STATE_STOPPING);
	if (i->unit && i->unit->current == i)
		ms_unit_note(i->unit); /* a successor of this daemon ends it as well */
	ms_box_signal(i->box, SIGTERM);
}

void ms_life_fail(struct ms_instance *i, const struct ms_error *err)
{
	i->error = *err;
	i->owner = NULL;
	if (err->reason == MS_REASON_COMMAND_NOT_FOUND && !i->error.hint[0])
		(void)ms_error_hint(
			&i->error,
			"inside there is the host's /usr without /usr/local, and the module's "
			"own folder at /module"); /* returns the code */
	if (err->reason != MS_REASON_ALREADY_RUNNING)
		emit_failed(i);
	ms_life_let_go(i);
	let_client_go(i);
	/* a first start is for whoever asked for it to mend */
	if (i->unit && i->unit->current == i && !i->unit->was_up)
		ms_unit_unwish(i->unit);
	ms_unit_ended(i, /* failed= */ true);
}

static const char *ender_word(enum ms_ender ender)
{
	switch (ender) {
	case MS_ENDER_STOP:
		return "stopped";
	case MS_ENDER_KILL:
		return "killed";
	case MS_ENDER_EMERGENCY:
		return "emergency";
	case MS_ENDER_UNHEALTHY:
		return "unhealthy";
	case MS_ENDER_NOT_READY:
		return "start-timeout";
	case MS_ENDER_DEADLINE:
		return "deadline";
	case MS_ENDER_NONE:
		break;
	}
	return NULL;
}

/* Killed while the flag is up, whoever of us did it. */
static bool is_emergency(const struct ms_instance *i, const struct ms_box_end *end)
{
	bool killed = end->cause != MS_BOX_EXITED ||
		      (end->exit.kind == MS_EXIT_SIGNAL && end->exit.value == SIGKILL);

	return killed && ms_emergency_is_up(i->s->emergency);
}

static const char *find_cause(const struct ms_instance *i, const struct ms_box_end *end)
{
	const struct ms_shim_exit *e = &end->exit;
	const char *word = ender_word(i->ender);

	if (e->flood)
		return "flood";
	if (e->forbidden)
		return "forbidden-call";
	if (e->watchdog)
		return "watchdog";
	if (i->ender == MS_ENDER_DEADLINE)
		return word;
	if (is_emergency(i, end))
		return "emergency";
	if (i->memory_told && e->kind == MS_EXIT_SIGNAL && e->value == SIGKILL)
		return i->host_memory ? "host-memory" : "memory";
	if (word)
		return word;
	if (end->cause != MS_BOX_EXITED)
		return "shim-lost";
	return e->kind == MS_EXIT_SIGNAL ? "signal" : "exited";
}

/* As far as it can be known: the kernel does not say who sent a signal to a child that died of it.
 */
static const char *find_sender(const struct ms_instance *i, const struct ms_box_end *end)
{
	const struct ms_shim_exit *e = &end->exit;

	if (i->memory_told && e->kind == MS_EXIT_SIGNAL && e->value == SIGKILL)
		return "kernel";
	if (end->cause == MS_BOX_EXITED && e->kind == MS_EXIT_CODE)
		return "module"; /* of its own, be it that it was asked to */
	if (i->ender != MS_ENDER_NONE || e->flood || e->forbidden || e->watchdog)
		return "supervisor";
	switch (end->cause == MS_BOX_EXITED ? e->value : 0) {
	case SIGSEGV:
	case SIGBUS:
	case SIGFPE:
	case SIGILL:
	case SIGTRAP:
	case SIGSYS:
	case SIGABRT:
	case SIGPIPE:
		return "module"; /* what its own code did */
	default:
		return ""; /* its own processes, or an administrator */
	}
}

/* What the end itself has to say, before it is told. */
static void tell_last_violations(struct ms_instance *i, const struct ms_box_end *end)
{
	const struct ms_shim_exit *e = &end->exit;
	const uint64_t refused = ms_watch_untold(i->watch, end->fork_failures);
	struct ms_event_head head;

	ms_life_head(i, "violation", &head);
	if (refused)
		ms_violation_processes(i->s->events, &head, i->policy->limits[MS_LIMIT_PROCESSES],
				       refused);
	if (e->flood)
		ms_violation_flood(i->s->events, &head, e->denied, e->reported);
	else if (e->denied > e->reported)
		ms_violation_unreported(i->s->events, &head, e->denied, e->reported);
	if (strcmp(i->exit.cause, "signal") == 0)
		ms_violation_signal(i->s->events, &head, i->pid, e->value, e->core_wanted);
}

static void note_end(struct ms_instance *i, const struct ms_box_end *end)
{
	const struct ms_str tail = end->exit.tail;

	i->denied = end->exit.denied > i->denied ? end->exit.denied : i->denied;
	i->peak_memory = end->memory.peak_bytes;
	i->cpu_used_usec = end->cpu_usec;
	i->tail_len = MS_MIN(tail.len, sizeof(i->tail) - 1);
	if (i->tail_len)
		memcpy(i->tail, tail.p, i->tail_len);
	i->exit = (struct ms_exit){
		.ended = true,
		.by_signal = end->cause != MS_BOX_EXITED || end->exit.kind == MS_EXIT_SIGNAL,
		.value = end->cause == MS_BOX_EXITED ? end->exit.value : SIGKILL,
		.cause = find_cause(i, end),
		.by = find_sender(i, end),
	};
}

static void tell_end(struct ms_instance *i, const struct ms_box_end *end)
{
	i->told = true;
	note_end(i, end);
	if (!i->started)
		return;
	tell_last_violations(i, end);
	emit_exited(i, end);
}

void ms_life_exit(struct ms_instance *i, const struct ms_box_end *end)
{
	tell_end(i, end);
}

/* From here on it is this daemon's to know: what a successor finds of its shim is swept. */
void ms_life_noted(struct ms_instance *i)
{
	if (i->stdio == MS_STDIO_LOG)
		ms_state_tell_record(i->s->state, i->id);
}

/* What is its own doing and would be again is not started again. */
static bool is_banned(const struct ms_box_end *end)
{
	return end->exit.flood || end->exit.forbidden;
}

/* What its supervisor had to end has failed, however politely it went: a server that answers
 * SIGTERM with exit code 0 is well made, and was not well. */
static bool is_failure(const struct ms_instance *i, const struct ms_box_end *end)
{
	return i->exit.by_signal || i->exit.value != 0 || end->exit.watchdog ||
	       i->ender == MS_ENDER_UNHEALTHY || i->ender == MS_ENDER_NOT_READY ||
	       i->ender == MS_ENDER_DEADLINE;
}

void ms_life_ended(struct ms_instance *i, const struct ms_box_end *end)
{
	if ((end->cause == MS_BOX_FAILED || end->cause == MS_BOX_DEADLINE) &&
	    i->ender == MS_ENDER_NONE) {
		ms_life_fail(i, &end->error);
		return;
	}
	i->owner = NULL;
	if (!i->told)
		tell_end(i, end);
	ms_life_let_go(i);
	if (i->unit && i->unit->current == i &&
	    (is_banned(end) || strcmp(i->exit.cause, "emergency") == 0))
		ms_unit_unwish(i->unit);
	ms_unit_ended(i, is_failure(i, end));
}

void ms_life_lost(struct ms_instance *i, const struct ms_error *why)
{
	struct ms_jw *jw = ms_jw_new();

	if (jw) {
		ms_jw_object(jw, NULL);
		ms_jw_text(jw, "message", why->msg);
		ms_jw_end(jw);
	}
	ms_life_emit(i, "instance.lost", jw);
	i->exit = (struct ms_exit){
		.ended = true, .by_signal = true, .value = SIGKILL, .cause = "shim-lost", .by = ""};
	ms_life_let_go(i);
	ms_unit_ended(i, /* failed= */ true);
}
