/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unit.c - unit.h. The wish is in one place, `wished`, and each way to end it goes through
 * ms_unit_unwish().
 */
#include "supervisor/daemon/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "lib/log.h"
#include "policy/config.h"
#include "supervisor/daemon/emergency.h"
#include "supervisor/daemon/instance-life.h"
#include "supervisor/daemon/instances.h"
#include "supervisor/daemon/state.h"
#include "supervisor/daemon/supervisor.h"
#include "supervisor/daemon/unit-record.h"

#define UNIT_BYTES (MS_MAX_UNIT_RECORD_BYTES + 65536u)

/* -- the table -- */

struct ms_units *ms_units_new(void)
{
	return calloc(1, sizeof(struct ms_units));
}

static void unit_free(struct ms_unit *unit)
{
	unit->timer = sd_event_source_disable_unref(unit->timer);
	for (uint32_t n = 0; n < unit->n_sockets; n++)
		unit->sockets[n].fd = ms_fd_close(unit->sockets[n].fd);
	unit->labels = ms_doc_free(unit->labels);
	ms_arena_done(&unit->arena);
	free(unit);
}

struct ms_units *ms_units_free(struct ms_units *units)
{
	struct ms_unit *next;

	if (!units)
		return NULL;
	for (struct ms_unit *unit = units->first; unit; unit = next) {
		next = unit->next;
		unit_free(unit);
	}
	free(units);
	return NULL;
}

static bool is_same(struct ms_str a, struct ms_str b)
{
	return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

struct ms_unit *ms_unit_find(const struct ms_supervisor *s, struct ms_str module,
			     struct ms_str tenant)
{
	for (struct ms_unit *unit = s->units->first; unit; unit = unit->next) {
		if (is_same(unit->module, module) && is_same(unit->tenant, tenant))
			return unit;
	}
	return NULL;
}

struct ms_unit *ms_unit_by_number(const struct ms_supervisor *s, uint32_t number)
{
	for (struct ms_unit *unit = s->units->first; unit; unit = unit->next) {
		if (unit->number == number)
			return unit;
	}
	return NULL;
}

static struct ms_unit *unit_new(struct ms_supervisor *s, uint32_t number)
{
	struct ms_unit *unit = calloc(1, sizeof(*unit));
	struct ms_units *t = s->units;

	if (!unit)
		return NULL;
	unit->s = s;
	unit->number = number;
	unit->arena = MS_ARENA_INIT(UNIT_BYTES);
	for (uint32_t n = 0; n < MS_MAX_LISTEN; n++)
		unit->sockets[n].fd = -EBADF;
	unit->prev = t->last;
	if (t->last)
		t->last->next = unit;
	else
		t->first = unit;
	t->last = unit;
	return unit;
}

static void unit_drop(struct ms_unit *unit)
{
	struct ms_units *t = unit->s->units;

	if (unit->prev)
		unit->prev->next = unit->next;
	else
		t->first = unit->next;
	if (unit->next)
		unit->next->prev = unit->prev;
	else
		t->last = unit->prev;
	unit_free(unit);
}

/* -- the record -- */

void ms_unit_note(struct ms_unit *unit)
{
	ms_auto_free char *labels = NULL;
	ms_auto_free void *bytes = NULL;
	struct ms_error err = MS_ERROR_INIT;
	struct ms_unit_record record = {
		.number = unit->number,
		.generation = unit->generation,
		.failures = unit->failures,
		.history = unit->history,
		.since_usec = unit->current ? unit->current->since_usec : 0,
		.tier = unit->tier,
		.wished = unit->wished,
		.ready = unit->was_ready,
		.again = unit->again,
		.module = unit->module,
		.tenant = unit->tenant,
		.path = unit->path,
		.manifest = unit->manifest,
		.bundle = unit->bundle,
		.n_command = unit->n_command,
	};
	size_t len;
	int r;

	if (!unit->wished && !(unit->current && ms_life_is_live(unit->current))) {
		ms_state_drop_unit(unit->s->state, unit->number);
		return;
	}
	memcpy(record.command, unit->command, sizeof(record.command));
	if (unit->labels) {
		ms_auto(jw) struct ms_jw *jw = ms_jw_new();

		if (jw)
			ms_jw_value(jw, NULL, ms_doc_root(unit->labels));
		labels = jw ? ms_jw_take(jw, MS_JW_LINE, &record.labels.len) : NULL;
		record.labels.p = labels ? labels : "";
	}
	r = ms_unit_record_encode(&record, &bytes, &len);
	if (r == 0)
		r = ms_state_put_unit(unit->s->state, unit->number, bytes, len, &err);
	if (r < 0)
		ms_log(MS_LOG_ERROR,
		       "module %.*s of tenant %.*s: what follows its end cannot be written down "
		       "(%s): "
		       "a modsupd that takes over would not know",
		       (int)unit->module.len, unit->module.p, (int)unit->tenant.len, unit->tenant.p,
		       err.code ? err.msg : strerrordesc_np(-r));
}

static struct ms_doc *parse_labels(const char *text, size_t len)
{
	ms_auto(report) struct ms_report *report = ms_report_new("labels");
	const struct ms_doc_limits limits = {MS_MAX_REQUEST_BYTES, MS_MAX_REQUEST_DEPTH};
	struct ms_doc *doc = NULL;

	if (!report || ms_doc_parse(text, len, limits, MS_REASON_INTERNAL, report, &doc) != 0)
		return NULL;
	return doc;
}

struct ms_unit *ms_unit_from_record(struct ms_supervisor *s, const struct ms_unit_record *record)
{
	struct ms_unit *unit = unit_new(s, record->number);
	struct ms_arena *arena;

	if (!unit)
		return NULL;
	arena = &unit->arena;
	unit->module = ms_arena_str(arena, record->module.p, record->module.len);
	unit->tenant = ms_arena_str(arena, record->tenant.p, record->tenant.len);
	unit->path = ms_arena_str(arena, record->path.p, record->path.len);
	unit->manifest = ms_arena_str(arena, record->manifest.p, record->manifest.len);
	unit->bundle = ms_arena_str(arena, record->bundle.p, record->bundle.len);
	for (uint32_t n = 0; n < record->n_command; n++)
		unit->command[n] =
			ms_arena_str(arena, record->command[n].p, record->command[n].len);
	unit->n_command = record->n_command;
	unit->tier = record->tier;
	unit->generation = record->generation;
	unit->failures = record->failures;
	unit->wished = record->wished;
	unit->was_ready = record->ready;
	unit->was_up = true;
	unit->since_usec = record->since_usec;
	unit->history = record->history;
	if (record->labels.len)
		unit->labels = parse_labels(record->labels.p, record->labels.len);
	if (arena->error || (record->labels.len && !unit->labels)) {
		unit_drop(unit);
		return NULL;
	}
	return unit;
}

/* -- runs -- */

/* What @i was asked for becomes the wish. */
static int copy_wish(struct ms_unit *unit, const struct ms_instance *i, struct ms_error *err)
{
	const struct ms_manifest *m = i->inspection.manifest;
	struct ms_arena *arena = &unit->arena;

	ms_arena_done(arena);
	*arena = MS_ARENA_INIT(UNIT_BYTES);
	unit->module = ms_arena_str(arena, m->id.p, m->id.len);
	unit->tenant = ms_arena_str(arena, i->tenant.p, i->tenant.len);
	unit->path = ms_arena_str(arena, i->path.p, i->path.len);
	unit->manifest = ms_arena_str(arena, i->manifest_text.p, i->manifest_text.len);
	unit->bundle = ms_arena_str(arena, i->bundle_path.p, i->bundle_path.len);
	for (uint32_t n = 0; n < i->n_command; n++)
		unit->command[n] = ms_arena_str(arena, i->command[n].p, i->command[n].len);
	unit->n_command = i->n_command;
	unit->tier = i->tier;
	unit->labels = ms_doc_free(unit->labels);
	if (i->labels) {
		ms_auto(jw) struct ms_jw *jw = ms_jw_new();
		ms_auto_free char *text = NULL;
		size_t len = 0;

		if (jw)
			ms_jw_value(jw, NULL, ms_doc_root(i->labels));
		text = jw ? ms_jw_take(jw, MS_JW_LINE, &len) : NULL;
		unit->labels = text ? parse_labels(text, len) : NULL;
		if (!unit->labels)
			return ms_error_set(err, ENOMEM, "keep the labels");
	}
	return arena->error ? ms_error_set(err, -arena->error, "keep the request") : 0;
}

/* The run before stays in the table for a while, for whoever asks for it by its id. */
static void make_current(struct ms_unit *unit, struct ms_instance *i)
{
	struct ms_instance *before = unit->current;

	if (before && before != i) {
		if (before->state == MS_STATE_BACKOFF)
			ms_life_set(before, MS_STATE_STOPPED);
		before->unit = NULL;
	}
	unit->current = i;
	i->unit = unit;
	i->generation = unit->generation;
}

static void start_over(struct ms_unit *unit)
{
	unit->timer = sd_event_source_disable_unref(unit->timer);
	unit->next_usec = 0;
	unit->wished = true;
	unit->again = unit->was_ready = false;
	unit->generation++;
	ms_restart_note(&unit->history, ms_life_now(CLOCK_BOOTTIME));
}

int ms_unit_claim(struct ms_instance *i, struct ms_error *err)
{
	const struct ms_manifest *m = i->inspection.manifest;
	struct ms_unit *unit = i->unit;
	int r;

	if (!unit) {
		unit = ms_unit_find(i->s, m->id, i->tenant);
		if (!unit)
			unit = unit_new(i->s, i->installation);
		if (!unit)
			return ms_error_set(err, ENOMEM, "unit");
		if (unit->current == NULL)
			unit->generation = 0;
		unit->was_up = false;
		unit->failures = 0;
		unit->history.n = 0; /* somebody wants it now: what was before does not count */
		start_over(unit);
		make_current(unit, i);
	}
	r = copy_wish(unit, i, err);
	ms_unit_note(unit);
	return r;
}

/* A restart that was asked for goes to the new run; other starts wait there too. */
static void begin_failed(struct ms_unit *unit, const struct ms_error *err)
{
	struct ms_instance *i = unit->current;

	ms_log(MS_LOG_ERROR, "module %.*s of tenant %.*s cannot be started again: %s",
	       (int)unit->module.len, unit->module.p, (int)unit->tenant.len, unit->tenant.p,
	       err->msg);
	if (i) {
		i->error = *err;
		ms_life_set(i, MS_STATE_FAILED);
	}
	ms_unit_unwish(unit);
	if (!i)
		ms_unit_forget(unit);
}

int ms_unit_next(struct ms_unit *unit, struct ms_error *err)
{
	struct ms_instance *before = unit->current, *i = ms_life_new(unit->s);
	const struct ms_start_request req = {
		.module = unit->module,
		.path = unit->path,
		.manifest = unit->manifest,
		.bundle = unit->bundle,
		.n_command = unit->n_command,
		.tier_set = true,
		.tier = unit->tier,
		.tenant = unit->tenant,
		.labels = unit->labels ? ms_doc_root(unit->labels) : NULL,
	};
	int r;

	if (!i)
		return ms_error_set(err, ENOMEM, "instance");
	memcpy((void *)(uintptr_t)req.command, unit->command, sizeof(req.command));
	r = ms_life_new_id(i, err);
	if (r == 0)
		r = ms_life_ask(i, &req, err);
	if (r < 0 && !i->id[0]) {
		ms_life_free(i);
		return r;
	}
	start_over(unit);
	ms_life_insert(i);
	make_current(unit, i);
	ms_unit_note(unit);
	if (before) {
		ms_life_join(before, i, MS_WAITS_RESTART, /* already= */ false);
		ms_life_join(before, i, MS_WAITS_START, /* already= */ false);
	}
	if (r < 0)
		ms_life_fail(i, err); /* its folder, say, is gone: that counts as a failed run */
	else
		ms_queue_enter(i);
	return 0;
}

static int on_timer(sd_event_source *source MS_UNUSED, uint64_t usec MS_UNUSED, void *data)
{
	struct ms_unit *unit = data;
	struct ms_error err = MS_ERROR_INIT;

	if (ms_unit_next(unit, &err) < 0)
		begin_failed(unit, &err);
	return 0;
}

static int set_timer(struct ms_unit *unit, uint64_t delay_usec)
{
	unit->next_usec = ms_life_now(CLOCK_REALTIME) + delay_usec;
	unit->timer = sd_event_source_disable_unref(unit->timer);
	return sd_event_add_time_relative(unit->s->loop, &unit->timer, CLOCK_BOOTTIME, delay_usec,
					  0, on_timer, unit);
}

static void emit_backoff(struct ms_instance *i, uint64_t delay_usec)
{
	struct ms_jw *jw = ms_jw_new();
	char time[MS_EVENT_TIME_BYTES];

	if (jw) {
		ms_jw_object(jw, NULL);
		ms_jw_uint(jw, "delayUsec", delay_usec);
		ms_jw_text(jw, "next", ms_event_time(i->unit->next_usec, time));
		ms_jw_uint(jw, "failures", i->unit->failures);
		ms_jw_end(jw);
	}
	ms_life_emit(i, "instance.backoff", jw);
}

static void give_up(struct ms_instance *i)
{
	const struct ms_config *c = i->s->config;
	struct ms_jw *jw = ms_jw_new();

	MS_IGNORE(ms_error_say(
		&i->error, EAGAIN, MS_REASON_START_LIMIT,
		"it was started %u times within %llu s and did not stay up", c->restart_limit,
		(unsigned long long)(c->restart_window_usec / 1000000u)));	     /* shown */
	MS_IGNORE(ms_error_hint(&i->error, "look at its log, then start it again")); /* shown */
	if (jw) {
		ms_jw_object(jw, NULL);
		ms_jw_text(jw, "reason", ms_reason_word(i->error.reason));
		ms_jw_text(jw, "step", "");
		ms_jw_text(jw, "message", i->error.msg);
		ms_jw_text(jw, "hint", i->error.hint);
		ms_jw_end(jw);
	}
	ms_life_emit(i, "instance.failed", jw);
	ms_life_set(i, MS_STATE_FAILED);
	ms_unit_unwish(i->unit);
}

static uint32_t random32(void)
{
	uint32_t v;

	return getrandom(&v, sizeof(v), GRND_NONBLOCK) == sizeof(v) ? v : UINT32_MAX / 2;
}

static struct ms_restart_rules rules_of(const struct ms_instance *i)
{
	const struct ms_config *c = i->s->config;
	const struct ms_manifest *m = i->inspection.manifest;

	return (struct ms_restart_rules){
		.when = m ? m->restart : MS_RESTART_ON_FAILURE,
		.delay_usec = c->restart_delay_usec,
		.max_delay_usec = c->restart_max_delay_usec,
		.window_usec = c->restart_window_usec,
		.limit = c->restart_limit,
	};
}

/* Stopped, or a start that came to nothing and will not be tried again. */
static void rest(struct ms_instance *i)
{
	ms_life_set(i, i->error.code ? MS_STATE_FAILED : MS_STATE_STOPPED);
	ms_unit_unwish(i->unit);
}

static void go_again(struct ms_instance *i, bool failed)
{
	struct ms_unit *unit = i->unit;
	const struct ms_restart_rules rules = rules_of(i);
	const uint64_t now = ms_life_now(CLOCK_BOOTTIME);
	uint64_t delay = 0;

	/* what stayed up for as long as the longest wait is taken to be sound */
	if (!failed || (i->ready_usec && now - i->ready_usec > rules.max_delay_usec))
		unit->failures = 0;
	unit->failures += failed;
	switch (ms_restart_decide(&rules, &unit->history, failed, unit->failures, now, random32(),
				  &delay)) {
	case MS_RESTART_STAY:
		rest(i);
		return;
	case MS_RESTART_GIVE_UP:
		give_up(i);
		return;
	case MS_RESTART_AGAIN:
		break;
	}
	if (set_timer(unit, delay) < 0) {
		MS_IGNORE(ms_error_set(&i->error, ENOMEM, "wait for the next start")); /* shown */
		rest(i);
		return;
	}
	ms_life_set(i, MS_STATE_BACKOFF);
	emit_backoff(i, delay);
	ms_unit_note(unit);
}

void ms_unit_ended(struct ms_instance *i, bool failed)
{
	struct ms_unit *unit = i->unit;
	struct ms_error err = MS_ERROR_INIT;

	if (!unit || unit->current != i) {
		ms_life_set(i, i->error.code ? MS_STATE_FAILED : MS_STATE_STOPPED);
		return;
	}
	if (unit->s->stopping || !unit->wished || ms_emergency_is_up(unit->s->emergency)) {
		rest(i);
		return;
	}
	if (unit->again) {
		ms_life_set(i, MS_STATE_STOPPED);
		if (ms_unit_next(unit, &err) < 0)
			begin_failed(unit, &err);
		return;
	}
	go_again(i, failed);
}

void ms_unit_unwish(struct ms_unit *unit)
{
	struct ms_instance *i = unit->current;

	unit->timer = sd_event_source_disable_unref(unit->timer);
	unit->next_usec = 0;
	unit->wished = unit->again = false;
	if (i && i->state == MS_STATE_BACKOFF)
		ms_life_set(i, MS_STATE_STOPPED);
	if (!i || !ms_life_is_live(i))
		ms_unit_unbind(unit);
	ms_unit_note(unit);
}

void ms_unit_forget(struct ms_unit *unit)
{
	ms_assert(!unit->wished);
	ms_unit_unbind(unit);
	ms_state_drop_unit(unit->s->state, unit->number);
	unit_drop(unit);
}

void ms_unit_resume(struct ms_unit *unit)
{
	struct ms_error err = MS_ERROR_INIT;

	if (!unit->wished)
		ms_unit_forget(unit);
	else if (ms_unit_next(unit, &err) < 0)
		begin_failed(unit, &err);
}
