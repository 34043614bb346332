/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * end.c - what happens to an instance once it runs: violations, limits on time, being stopped,
 * ending; each told as an event before its consequence.
 */
#include <string.h>

#include "supervisor/daemon/emergency.h"
#include "supervisor/daemon/instance-life.h"
#include "supervisor/daemon/instances.h"
#include "supervisor/daemon/launcher.h"
#include "supervisor/daemon/layer/cgroup.h"
#include "supervisor/daemon/state.h"
#include "supervisor/daemon/supervisor.h"
#include "supervisor/daemon/violation.h"

#define CPU_POLL_USEC	100000u
#define LAST_GRACE_USEC 2000000u /* from "kill the module" to "kill the shim too" */

void ms_life_close(struct ms_instance *i)
{
	i->stop_timer = sd_event_source_disable_unref(i->stop_timer);
	i->wall_timer = sd_event_source_disable_unref(i->wall_timer);
	i->cpu_timer = sd_event_source_disable_unref(i->cpu_timer);
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
	if (i->stdio == MS_STDIO_LOG)
		ms_state_drop_record(i->s->state, i->id);
	for (uint32_t n = 0; n < i->n_sockets; n++)
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

static void emit(struct ms_instance *i, const char *type, struct ms_jw *take_jw)
{
	struct ms_event_head head;

	ms_life_head(i, type, &head);
	ms_event_emit(i->s->events, &head, take_jw); /* NULL, out of memory, becomes a gap */
}

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
		emit(i, "instance.degraded", degraded);
	}
	if (jw) {
		ms_jw_object(jw, NULL);
		ms_jw_uint(jw, "pid", i->pid);
		ms_jw_text(jw, "policy", i->policy_hex);
		ms_jw_end(jw);
	}
	emit(i, "instance.started", jw);
}

static void emit_adopted(struct ms_instance *i)
{
	struct ms_jw *jw = ms_jw_new();

	if (jw) {
		ms_jw_object(jw, NULL);
		ms_jw_uint(jw, "pid", i->pid);
		ms_jw_text(jw, "policy", i->policy_hex);
		ms_jw_end(jw);
	}
	emit(i, "instance.adopted", jw);
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
	emit(i, "instance.failed", jw);
}

static void emit_exited(struct ms_instance *i, const struct ms_box_end *end)
{
	struct ms_jw *jw = ms_jw_new();

	if (jw) {
		ms_jw_object(jw, NULL);
		ms_jw_text(jw, "cause", i->exit.cause);
		if (i->exit.by_signal) {
			ms_jw_uint(jw, "signal", i->exit.value);
			ms_jw_textf(jw, "signalName", "SIG%s",
				    sigabbrev_np(i->exit.value) ? sigabbrev_np(i->exit.value)
								: "?");
		} else {
			ms_jw_uint(jw, "code", i->exit.value);
		}
		ms_jw_uint(jw, "denied", end->exit.denied);
		ms_jw_uint(jw, "peakMemoryBytes", end->memory.peak_bytes);
		ms_jw_uint(jw, "cpuUsec", end->cpu_usec);
		ms_jw_uint(jw, "logDroppedBytes", end->exit.log_dropped_bytes);
		ms_jw_end(jw);
	}
	emit(i, "instance.exited", jw);
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
		/* killed without ever having reached the own limit: it was the host that was short
		 */
		.host = memory->limit_hits == 0,
	};
	struct ms_event_head head;

	i->memory_told = true;
	ms_life_head(i, "violation", &head);
	ms_violation_memory(i->s->events, &head, &m);
}

/* ---- up
 * -------------------------------------------------------------------------------------------------
 */

static void out_of_time(struct ms_instance *i)
{
	i->out_of_time = true;
	if (i->box)
		ms_box_kill(i->box);
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

void ms_life_started(struct ms_instance *i, uint32_t pid)
{
	const uint64_t since_usec = i->since_usec;

	i->pid = pid;
	i->started = true;
	if (i->adopted)
		emit_adopted(i);
	else
		emit_started(i);
	set_time_limits(i);
	if (i->state == MS_STATE_STARTING)
		ms_life_set(
			i,
			MS_STATE_READY); /* no readiness protocol in this build: running is ready */
	if (i->adopted)
		i->since_usec = since_usec; /* it was ready all the while */
}

/* ---- down
 * -----------------------------------------------------------------------------------------------
 */

static int on_stop_time(sd_event_source *source, uint64_t usec, void *data)
{
	struct ms_instance *i = data;

	(void)source;
	(void)usec;
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

int ms_life_stop(struct ms_instance *i, struct ms_error *err)
{
	int r;

	if (i->stop_asked)
		return 0;
	i->stop_asked = true;
	/* one to adopt runs, though its shim has not said so yet: what is sent waits there */
	if (!i->started && !i->adopted) {
		ms_box_kill(i->box); /* on its way up: nothing of it wants to say goodbye */
		return 0;
	}
	r = sd_event_add_time_relative(i->s->loop, &i->stop_timer, CLOCK_BOOTTIME,
				       i->inspection.manifest->stop_timeout_usec, 0, on_stop_time,
				       i);
	if (r < 0) {
		ms_box_kill(i->box);
		return ms_error_set(err, -r, "set the stop's deadline");
	}
	ms_life_set(i, MS_STATE_STOPPING);
	ms_box_signal(i->box, SIGTERM);
	return 0;
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
	ms_life_set(i, MS_STATE_FAILED);
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
	if (end->exit.flood)
		return "flood";
	if (end->exit.forbidden)
		return "forbidden-call";
	if (i->out_of_time)
		return "deadline";
	if (i->memory_told && end->exit.kind == MS_EXIT_SIGNAL && end->exit.value == SIGKILL)
		return "memory";
	if (is_emergency(i, end))
		return "emergency";
	if (i->stop_asked)
		return "stopped";
	if (end->cause != MS_BOX_EXITED)
		return "shim-lost";
	return end->exit.kind == MS_EXIT_SIGNAL ? "signal" : "exited";
}

/* What the end itself has to say, before it is told. */
static void tell_last_violations(struct ms_instance *i, const struct ms_box_end *end)
{
	const struct ms_shim_exit *e = &end->exit;
	struct ms_event_head head;

	ms_life_head(i, "violation", &head);
	if (end->fork_failures)
		ms_violation_processes(i->s->events, &head, i->policy->limits[MS_LIMIT_PROCESSES],
				       end->fork_failures);
	if (e->flood)
		ms_violation_flood(i->s->events, &head, e->denied, e->reported);
	else if (e->denied > e->reported)
		ms_violation_unreported(i->s->events, &head, e->denied, e->reported);
	if (strcmp(i->exit.cause, "signal") == 0)
		ms_violation_signal(i->s->events, &head, i->pid, e->value, e->core_wanted);
}

void ms_life_ended(struct ms_instance *i, const struct ms_box_end *end)
{
	if (end->cause == MS_BOX_FAILED || end->cause == MS_BOX_DEADLINE) {
		if (!i->stop_asked) {
			ms_life_fail(i, &end->error);
			return;
		}
	}
	i->owner = NULL;
	i->denied = end->exit.denied > i->denied ? end->exit.denied : i->denied;
	i->exit = (struct ms_exit){
		.ended = true,
		.by_signal = end->cause != MS_BOX_EXITED || end->exit.kind == MS_EXIT_SIGNAL,
		.value = end->cause == MS_BOX_EXITED ? end->exit.value : SIGKILL,
		.cause = find_cause(i, end),
	};
	if (i->started) {
		tell_last_violations(i, end);
		emit_exited(i, end);
	}
	ms_life_let_go(i);
	ms_life_set(i, MS_STATE_STOPPED);
}

void ms_life_lost(struct ms_instance *i, const struct ms_error *why)
{
	struct ms_jw *jw = ms_jw_new();

	i->error = *why;
	if (jw) {
		ms_jw_object(jw, NULL);
		ms_jw_text(jw, "message", why->msg);
		ms_jw_end(jw);
	}
	emit(i, "instance.lost", jw);
	i->exit = (struct ms_exit){
		.ended = true, .by_signal = true, .value = SIGKILL, .cause = "shim-lost"};
	ms_life_let_go(i);
	ms_life_set(i, MS_STATE_STOPPED);
}
