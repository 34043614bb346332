/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ready.c - from "it was executed" to "it is of use", and whether it stays so: what the module says
 * itself (NOTIFY_SOCKET), or what it answers on its own socket. Nothing that it says is read here
 * but a flag, a capped text and the three digits of an HTTP status.
 */
#include <string.h>

#include "supervisor/daemon/instance-life.h"
#include "supervisor/daemon/supervisor.h"
#include "supervisor/daemon/unit.h"

#define PROBE_FIRST_USEC     10000u
#define PROBE_LAST_USEC	     500000u
#define PROBE_USEC	     5000000u /* the longest that an answer is waited for */
#define HTTP_IS_GOOD(status) ((status) >= 100 && (status) < 500)

static void close_timers(struct ms_instance *i)
{
	i->probe = ms_probe_free(i->probe);
	i->probe_timer = sd_event_source_disable_unref(i->probe_timer);
	i->ready_deadline = sd_event_source_disable_unref(i->ready_deadline);
}

void ms_life_ready_close(struct ms_instance *i)
{
	close_timers(i);
}

static int after(struct ms_instance *i, uint64_t usec, sd_event_time_handler_t fn)
{
	if (i->probe_timer) {
		int r = sd_event_source_set_time_relative(i->probe_timer, usec);

		return r < 0 ? r : sd_event_source_set_enabled(i->probe_timer, SD_EVENT_ONESHOT);
	}
	return sd_event_add_time_relative(i->s->loop, &i->probe_timer, CLOCK_BOOTTIME, usec, 0, fn,
					  i);
}

static int ask(struct ms_instance *i, struct ms_str path, uint64_t timeout_usec, ms_probe_fn fn)
{
	return ms_probe_start(i->s->loop, i->sockets[0], path, timeout_usec, fn, i, &i->probe);
}

/* -- health -- */

static void emit_health(struct ms_instance *i, const char *type, int result)
{
	struct ms_jw *jw = ms_jw_new();

	if (jw) {
		ms_jw_object(jw, NULL);
		ms_jw_uint(jw, "failures", i->bad_probes);
		if (result >= 0)
			ms_jw_int(jw, "status", result);
		else
			ms_jw_text(jw, "error",
				   strerrorname_np(-result) ? strerrorname_np(-result) : "?");
		ms_jw_end(jw);
	}
	ms_life_emit(i, type, jw);
}

static void judge(struct ms_instance *i, int result)
{
	const struct ms_manifest *m = i->inspection.manifest;

	if (HTTP_IS_GOOD(result)) {
		i->bad_probes = 0;
		if (i->state == MS_STATE_UNHEALTHY) {
			ms_life_set(i, MS_STATE_READY);
			emit_health(i, "instance.healthy", result);
		}
		return;
	}
	if (++i->bad_probes != m->health_failures || i->state != MS_STATE_READY)
		return;
	ms_life_set(i, MS_STATE_UNHEALTHY);
	emit_health(i, "instance.unhealthy", result);
	if (m->health_restart)
		ms_life_stop(i, MS_ENDER_UNHEALTHY);
}

static int on_health_time(sd_event_source *source, uint64_t usec, void *data);

static void on_health(void *data, int result)
{
	struct ms_instance *i = data;

	i->probe = ms_probe_free(i->probe);
	judge(i, result);
	if ((i->state == MS_STATE_READY || i->state == MS_STATE_UNHEALTHY) &&
	    after(i, i->inspection.manifest->health_interval_usec, on_health_time) < 0)
		judge(i, -ENOMEM);
}

static int on_health_time(sd_event_source *source MS_UNUSED, uint64_t usec MS_UNUSED, void *data)
{
	struct ms_instance *i = data;
	const struct ms_manifest *m = i->inspection.manifest;
	int r = ask(i, m->health_http, MS_MIN(m->health_interval_usec, (uint64_t)PROBE_USEC),
		    on_health);

	if (r < 0)
		on_health(i, r);
	return 0;
}

/* -- readiness -- */

static void become_ready(struct ms_instance *i)
{
	const struct ms_manifest *m = i->inspection.manifest;
	struct ms_jw *jw = ms_jw_new();

	close_timers(i);
	i->ready = true;
	i->ready_usec = ms_life_now(CLOCK_BOOTTIME);
	ms_life_set(i, MS_STATE_READY);
	if (!i->adopted) {
		if (jw) {
			ms_jw_object(jw, NULL);
			ms_jw_uint(jw, "generation", i->generation);
			ms_jw_end(jw);
		}
		ms_life_emit(i, "instance.ready", jw);
	} else {
		(void)ms_jw_free(jw); /* NULL */
	}
	if (i->unit && !i->unit->was_ready) {
		i->unit->was_ready = true;
		ms_unit_note(i->unit);
	}
	if (m->health_http.len && i->n_sockets &&
	    after(i, m->health_interval_usec, on_health_time) < 0)
		judge(i, -ENOMEM);
}

static int on_not_ready(sd_event_source *source MS_UNUSED, uint64_t usec MS_UNUSED, void *data)
{
	struct ms_instance *i = data;
	const struct ms_manifest *m = i->inspection.manifest;

	MS_IGNORE(ms_error_say(&i->error, ETIMEDOUT, MS_REASON_START_TIMEOUT,
			       m->readiness == MS_READY_NOTIFY
				       ? "it did not say READY=1 within its startTimeout (%llu ms)"
				       : "it did not answer its probe within its startTimeout "
					 "(%llu ms)",
			       (unsigned long long)(m->start_timeout_usec / 1000u))); /* shown */
	MS_IGNORE(ms_error_hint(&i->error, "its log may say why (modsupctl logs)"));  /* shown */
	ms_life_stop(i, MS_ENDER_NOT_READY);
	return 0;
}

static int on_ready_time(sd_event_source *source, uint64_t usec, void *data);

static void on_ready_probe(void *data, int result)
{
	struct ms_instance *i = data;
	uint64_t wait = PROBE_FIRST_USEC << MS_MIN(i->bad_probes, 8u);

	i->probe = ms_probe_free(i->probe);
	if (i->state != MS_STATE_STARTING)
		return;
	if (HTTP_IS_GOOD(result)) {
		i->bad_probes = 0;
		become_ready(i);
		return;
	}
	i->bad_probes++;
	/* without a timer the deadline tells the rest */
	MS_IGNORE(after(i, MS_MIN(wait, (uint64_t)PROBE_LAST_USEC), on_ready_time)); /* as above */
}

static int on_ready_time(sd_event_source *source MS_UNUSED, uint64_t usec MS_UNUSED, void *data)
{
	struct ms_instance *i = data;
	int r = ask(i, i->inspection.manifest->ready_http, PROBE_USEC, on_ready_probe);

	if (r < 0)
		on_ready_probe(i, r);
	return 0;
}

void ms_life_await_ready(struct ms_instance *i, bool was_ready)
{
	const struct ms_manifest *m = i->inspection.manifest;
	int r;

	if (was_ready || m->readiness == MS_READY_NONE) {
		become_ready(i);
		return;
	}
	r = sd_event_add_time_relative(i->s->loop, &i->ready_deadline, CLOCK_BOOTTIME,
				       m->start_timeout_usec, 0, on_not_ready, i);
	if (r >= 0 && m->readiness == MS_READY_PROBE)
		r = after(i, PROBE_FIRST_USEC, on_ready_time);
	if (r < 0)
		ms_life_kill(i, MS_ENDER_NOT_READY); /* a wait without a bound is not begun */
}

void ms_life_notify(struct ms_instance *i, const struct ms_shim_notify *notify)
{
	size_t len = MS_MIN(notify->status.len, sizeof(i->status) - 1);

	memcpy(i->status, notify->status.p, len); /* each message has the whole; "" takes it back */
	i->status[len] = '\0';
	if (notify->stopping)
		ms_life_bound_stop(i);
	if (notify->ready && i->state == MS_STATE_STARTING &&
	    i->inspection.manifest->readiness == MS_READY_NOTIFY)
		become_ready(i);
}
