/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reload.c - supervisor.reload and SIGHUP. Must never leave half a configuration: what cannot
 * change while modsupd runs is compared first, and the one step that can fail is undone. Called by
 * main.c and through the table of rpc.c.
 */
#include "supervisor/daemon/reload.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "lib/buf.h"
#include "lib/log.h"
#include "supervisor/daemon/capacity.h"
#include "supervisor/daemon/config-files.h"
#include "supervisor/daemon/control.h"
#include "supervisor/daemon/event.h"
#include "supervisor/daemon/rpc.h"
#include "supervisor/daemon/supervisor.h"
#include "supervisor/daemon/unit.h"

/* What was decided once, when modsupd started: by its key. */
static const char *find_fixed(const struct ms_config *now, const struct ms_config *next)
{
	if (now->id_first != next->id_first || now->id_count != next->id_count)
		return "ids";
	if (now->cgroup_parent.len != next->cgroup_parent.len ||
	    (now->cgroup_parent.len &&
	     memcmp(now->cgroup_parent.p, next->cgroup_parent.p, now->cgroup_parent.len) != 0))
		return "cgroup";
	if (memcmp(now->optional, next->optional, sizeof(now->optional)) != 0)
		return "optionalLayers";
	return NULL;
}

/* Everybody holds s->config, nobody what is in it: the contents change places. */
static void exchange(struct ms_config *a, struct ms_config *b)
{
	struct ms_config c = *a;

	*a = *b;
	*b = c;
}

static int put_in_force(struct ms_supervisor *s, struct ms_config *next, struct ms_error *err)
{
	struct ms_error ignored = MS_ERROR_INIT;
	int r;

	exchange(s->config, next);
	r = ms_control_open_to_peers(s->control, err);
	if (r == 0)
		r = ms_capacity_apply(s->capacity, err);
	if (r == 0)
		return 0;
	exchange(s->config, next);
	MS_IGNORE(ms_control_open_to_peers(s->control, &ignored)); /* told by the first one */
	MS_IGNORE(ms_capacity_apply(s->capacity, &ignored));	   /* the same */
	return r;
}

/**
 * ms_reload() - read the configuration again and put it in force.
 * @ret_report: owned by the caller, with a result above 0
 * @err: filled below 0
 * Return: 0, above 0 when a file is wrong, or -errno; then everything is as it was.
 */
int ms_reload(struct ms_supervisor *s, struct ms_report **ret_report, struct ms_error *err)
{
	ms_auto(config) struct ms_config *next = NULL;
	const char *key;
	int r;

	if (s->stopping)
		return ms_error_say(err, EBUSY, MS_REASON_CONFLICT, "modsupd is stopping");
	r = ms_config_files_read(s->config_file, s->private_mode ? s->runtime_dir : NULL, &next,
				 ret_report, err);
	if (r)
		return r;
	key = find_fixed(s->config, next);
	if (key) {
		MS_IGNORE(ms_error_say(err, EBUSY, MS_REASON_CONFLICT,
				       "\"%s\" was changed, which cannot be while modsupd runs: "
				       "nothing of the configuration is applied",
				       key)); /* the next returns it */
		return ms_error_hint(err, "undo that change, or restart modsupd");
	}
	if (!next->stop_with_daemon_set) /* as main.c does it */
		next->stop_with_daemon = s->private_mode;
	return put_in_force(s, next, err);
}

/**
 * ms_reload_finish() - end who is not admitted any more, tell everybody.
 */
void ms_reload_finish(struct ms_supervisor *s, const uid_t *uid)
{
	static const struct ms_event_head head = {.type = "supervisor.reloaded"};
	uint32_t n = ms_control_review(s->control);
	struct ms_jw *jw = ms_jw_new();

	ms_units_regroup(s);
	if (jw) {
		ms_jw_object(jw, NULL);
		ms_jw_text(jw, "by", uid ? "request" : "signal");
		if (uid)
			ms_jw_uint(jw, "uid", *uid);
		ms_jw_uint(jw, "disconnected", n);
		ms_jw_end(jw);
	}
	ms_event_emit(s->events, &head, jw);
	ms_log(MS_LOG_INFO, "the configuration was read again; %u connection%s ended", n,
	       n == 1 ? "" : "s");
}

/* -- by signal -- */

static void log_report(const struct ms_report *report)
{
	ms_auto(buf) struct ms_buf buf = MS_BUF_INIT(1u << 20);

	ms_report_print(report, &buf);
	for (char *line = buf.data, *end; line && *line; line = end) {
		end = line + strcspn(line, "\n");
		if (*end)
			*end++ = '\0';
		ms_log(MS_LOG_ERROR, "%s", line);
	}
}

static void tell_begin(void)
{
	struct timespec ts = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail */
	MS_IGNORE(sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
			     (unsigned long long)ts.tv_sec * 1000000u +
				     (unsigned long long)ts.tv_nsec /
					     1000u)); /* nobody may be listening */
}

static int on_hangup(sd_event_source *source MS_UNUSED,
		     const struct signalfd_siginfo *info MS_UNUSED, void *data)
{
	ms_auto(report) struct ms_report *report = NULL;
	struct ms_error err = MS_ERROR_INIT;
	struct ms_supervisor *s = data;
	int r;

	tell_begin();
	r = ms_reload(s, &report, &err);
	if (r == 0) {
		ms_reload_finish(s, /* uid= */ NULL);
	} else {
		ms_log(MS_LOG_ERROR, "the configuration stays as it was: %s",
		       r > 0 ? "a file is wrong" : err.msg);
		if (report)
			log_report(report);
		else if (err.hint[0])
			ms_log(MS_LOG_ERROR, "  %s", err.hint);
	}
	MS_IGNORE(sd_notify(0, "READY=1")); /* nobody may be listening */
	return 0;
}

/**
 * ms_reload_on_signal() - from now on SIGHUP reads the configuration again.
 * Return: 0 or -errno with @err.
 */
int ms_reload_on_signal(struct ms_supervisor *s, struct ms_error *err)
{
	sigset_t set;
	int r;

	(void)sigemptyset(&set);       /* cannot fail */
	(void)sigaddset(&set, SIGHUP); /* the same */
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return ms_error_set(err, errno, "block SIGHUP");
	r = sd_event_add_signal(s->loop, NULL, SIGHUP, on_hangup, s);
	return r < 0 ? ms_error_set(err, -r, "watch SIGHUP") : 0;
}

/* -- by request -- */

static void refuse_file(struct ms_call *call, const struct ms_report *report)
{
	struct ms_fault fault = {.report = report};

	if (report && report->n_diags)
		MS_IGNORE(ms_error_say(&fault.error, EINVAL, MS_REASON_CONFIG_INVALID,
				       "%.*s:%u:%u: %.*s", (int)report->file.len, report->file.p,
				       report->diags[0].line, report->diags[0].column,
				       (int)report->diags[0].msg.len,
				       report->diags[0].msg.p)); /* sent */
	else
		MS_IGNORE(ms_error_say(&fault.error, ENOMEM, MS_REASON_OOM,
				       "out of memory")); /* sent */
	ms_call_refuse(call, &fault);
}

static int run_reload(struct ms_call *call, const struct ms_arg *args, struct ms_fault *fault)
{
	ms_auto(report) struct ms_report *report = NULL;
	struct ms_supervisor *s = call->peer->s;
	const uid_t uid = call->peer->uid;
	int r;

	(void)args; /* none */
	r = ms_reload(s, &report, &fault->error);
	if (r < 0)
		return r;
	if (r > 0) {
		refuse_file(call, report); /* now, while the report is there */
		return 0;
	}
	ms_call_answer(call, ms_call_begin(call, /* n_fds= */ 0), NULL, 0);
	ms_reload_finish(s, &uid);
	return 0;
}

const struct ms_method ms_method_supervisor_reload = {
	.name = "supervisor.reload",
	.role = MS_ROLE_ADMIN,
	.changes = true,
	.run = run_reload,
};
