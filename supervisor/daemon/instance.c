/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * instance.c - the table of instances, what the control socket asks of them, and how they are
 * shown.
 */
#include "supervisor/daemon/instance.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "lib/log.h"
#include "supervisor/daemon/emergency.h"
#include "supervisor/daemon/instance-life.h"
#include "supervisor/daemon/instances.h"
#include "supervisor/daemon/launcher.h"
#include "supervisor/daemon/state.h"
#include "supervisor/daemon/supervisor.h"
#include "supervisor/daemon/unit.h"

uint64_t ms_life_now(clockid_t clock)
{
	struct timespec ts;

	(void)clock_gettime(clock, &ts); /* cannot fail for the clocks asked for */
	return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

const char *ms_state_word(enum ms_state state)
{
	switch (state) {
	case MS_STATE_WAITING:
		return "waiting";
	case MS_STATE_INSPECTING:
	case MS_STATE_STARTING:
		return "starting";
	case MS_STATE_READY:
		return "ready";
	case MS_STATE_UNHEALTHY:
		return "unhealthy";
	case MS_STATE_BACKOFF:
		return "backoff";
	case MS_STATE_STOPPING:
		return "stopping";
	case MS_STATE_STOPPED:
		return "stopped";
	case MS_STATE_FAILED:
		return "failed";
	case MS_STATE_COUNT:
		break;
	}
	return "failed";
}

/* -- the table -- */

void ms_life_insert(struct ms_instance *i)
{
	struct ms_instances *t = i->s->instances;

	i->order = ++t->last_order;
	i->prev = t->last;
	if (t->last)
		t->last->next = i;
	else
		t->first = i;
	t->last = i;
	t->n++;
}

static void leave_lists(struct ms_instance *i)
{
	struct ms_instances *t = i->s->instances;

	if (i->dirty)
		TAILQ_REMOVE(&t->dirty, i, dirty_link);
	if (i->is_over) {
		TAILQ_REMOVE(&t->over, i, over_link);
		t->n_over--;
	}
}

void ms_life_free(struct ms_instance *i)
{
	ms_life_close(i);
	ms_life_drop_waiters(i);
	i->box = ms_box_free(i->box);
	ms_inspection_done(&i->inspection);
	i->policy = ms_policy_free(i->policy);
	i->labels = ms_doc_free(i->labels);
	ms_buf_done(&i->answer);
	ms_arena_done(&i->arena);
	leave_lists(i);
	free(i);
}

void ms_life_drop(struct ms_instance *i)
{
	struct ms_instances *t = i->s->instances;
	/* only when the daemon ends: then it goes on for the next one */
	bool was_live = ms_life_is_live(i);

	if (i->unit && i->unit->current == i) {
		i->unit->current = NULL;
		if (!was_live && !i->unit->wished)
			ms_unit_forget(i->unit);
	}
	ms_queue_leave(i);
	if (i->prev)
		i->prev->next = i->next;
	else
		t->first = i->next;
	if (i->next)
		i->next->prev = i->prev;
	else
		t->last = i->prev;
	t->n--;
	if (!ms_life_is_live(i))
		t->n_ended--;
	if (i->stdio == MS_STDIO_LOG && !was_live)
		ms_state_drop_logs(i->s->state, i->id);
	ms_life_free(i);
}

uint32_t ms_instances_live(const struct ms_instances *t)
{
	return t->n - t->n_ended;
}

void ms_life_set(struct ms_instance *i, enum ms_state state)
{
	struct ms_instances *t = i->s->instances;
	bool was_live = ms_life_is_live(i);

	i->state = state;
	i->since_usec = ms_life_now(CLOCK_REALTIME);
	if (was_live && !ms_life_is_live(i))
		t->n_ended++;
	if (!i->is_over && !ms_life_is_live(i) && state != MS_STATE_BACKOFF) {
		i->is_over = true;
		TAILQ_INSERT_TAIL(&t->over, i, over_link);
		t->n_over++;
	}
	ms_life_dirty(i);
}

void ms_life_emit(struct ms_instance *i, const char *type, struct ms_jw *take_jw)
{
	struct ms_event_head head;

	ms_life_head(i, type, &head);
	ms_event_emit(i->s->events, &head, take_jw); /* NULL, out of memory, becomes a gap */
}

int ms_instances_new(struct ms_supervisor *s, struct ms_instances **ret, struct ms_error *err)
{
	ms_auto_free struct ms_instances *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return ms_error_set(err, ENOMEM, "instances");
	t->s = s;
	TAILQ_INIT(&t->dirty);
	TAILQ_INIT(&t->over);
	s->units = ms_units_new();
	if (!s->units)
		return ms_error_set(err, ENOMEM, "units");
	r = ms_waiters_open(t, err);
	if (r == 0)
		r = ms_queue_open(t, err);
	if (r < 0) {
		t->answers = sd_event_source_disable_unref(t->answers);
		return r;
	}
	*ret = MS_TAKE_PTR(t);
	return 0;
}

struct ms_instances *ms_instances_free(struct ms_instances *t)
{
	if (!t)
		return NULL;
	while (t->first)
		ms_life_drop(t->first);
	t->s->units = ms_units_free(t->s->units);
	t->answers = sd_event_source_disable_unref(t->answers);
	t->q_pump = sd_event_source_disable_unref(t->q_pump);
	free(t);
	return NULL;
}

void ms_instances_stop_all(struct ms_supervisor *s)
{
	bool again = s->stopping;

	s->stopping = true;
	for (struct ms_unit *unit = s->units->first; unit; unit = unit->next)
		ms_unit_unwish(unit);
	for (struct ms_instance *i = s->instances->first; i; i = i->next) {
		if (!ms_life_is_live(i))
			continue;
		if (again)
			ms_life_kill(i, MS_ENDER_STOP);
		else
			ms_life_stop(i, MS_ENDER_STOP);
	}
	if (ms_instances_live(s->instances) == 0)
		MS_IGNORE(sd_event_exit(s->loop, 0)); /* the loop is there */
}

void ms_instances_leave_all(struct ms_supervisor *s)
{
	MS_IGNORE(sd_event_exit(s->loop, 0)); /* the loop is there; the shims see the socket end */
}

/* -- what the control socket asks -- */

int ms_life_new_id(struct ms_instance *i, struct ms_error *err)
{
	uint8_t random[8];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return ms_error_set(err, EIO, "random bytes for the instance");
	for (size_t n = 0; n < sizeof(random); n++)
		(void)snprintf(i->id + 2 * n, 3, "%02x", random[n]); /* always fits */
	return 0;
}

struct ms_instance *ms_life_new(struct ms_supervisor *s)
{
	struct ms_instance *i = calloc(1, sizeof(*i));

	if (!i)
		return NULL;
	i->s = s;
	i->arena = MS_ARENA_INIT(MS_MAX_REQUEST_BYTES);
	i->inspection = MS_INSPECTION_INIT;
	i->answer = MS_BUF_INIT(MS_MAX_INSPECTION_BYTES);
	i->bundle = i->manifest = i->answer_fd = i->state_dir = -EBADF;
	i->state = MS_STATE_WAITING;
	i->generation = 1;
	for (int n = 0; n < 3; n++)
		i->client_fds[n] = -EBADF;
	i->since_usec = ms_life_now(CLOCK_REALTIME);
	return i;
}

static bool is_same(struct ms_str a, struct ms_str b)
{
	return a.len == b.len && (!a.len || memcmp(a.p, b.p, a.len) == 0);
}

/* The same module of the same tenant as @req wants, and still in the queue. */
static bool is_queued_for(const struct ms_instance *i, const struct ms_start_request *req)
{
	const struct ms_str tenant = req->tenant.len ? req->tenant : MS_STR_LIT("default");

	if (i->state != MS_STATE_WAITING || i->unit || i->owner || i->stdio != MS_STDIO_LOG ||
	    i->manifest_text.len || !is_same(i->tenant, tenant))
		return false;
	return req->path.len ? is_same(i->path, req->path) : is_same(i->wanted, req->module);
}

static bool is_asked_alike(const struct ms_instance *i, const struct ms_start_request *req)
{
	return is_queued_for(i, req) && !i->labels && !req->labels && !i->n_command &&
	       !req->n_command && is_same(i->wanted, req->module) &&
	       !i->tier_set == !req->tier_set && (!req->tier_set || i->tier == req->tier);
}

/* There will be one run of it, however often it is asked for: what waits in the queue is
 * everybody's place in it, so that nobody fills it with the same. @ret: who waits already for what
 * @req asks. */
static int find_queued(const struct ms_supervisor *s, const struct ms_start_request *req,
		       struct ms_instance **ret, struct ms_error *err)
{
	uint32_t n = 0;

	*ret = NULL;
	if (req->manifest.len || req->owner || req->stdio != MS_STDIO_LOG)
		return 0;
	for (struct ms_instance *i = s->instances->last; i && !*ret; i = i->prev) {
		n += is_queued_for(i, req);
		if (is_asked_alike(i, req))
			*ret = i;
	}
	if (*ret || n < MS_MAX_STARTS_QUEUED)
		return 0;
	ms_error_say(err, EBUSY, MS_REASON_BUSY,
		     "%u starts of this module wait in the queue already, the most", n);
	return ms_error_hint(err, "wait for one of them");
}

int ms_instance_start(struct ms_supervisor *s, const struct ms_start_request *req, ms_start_fn fn,
		      void *data, struct ms_error *err)
{
	struct ms_waiter what = {
		.what = MS_WAITS_START, .wait = req->wait, .start_fn = fn, .data = data};
	struct ms_instance *i = NULL;
	int r;

	if (s->stopping)
		return ms_error_say(err, EBUSY, MS_REASON_BUSY, "modsupd is stopping");
	err->step = MS_STEP_ADMIT;
	r = ms_emergency_admit(s->emergency, err);
	if (r == 0)
		r = find_queued(s, req, &i, err);
	if (r < 0)
		return r;
	if (i) {
		err->step = MS_STEP_NONE;
		what.already = true;
		return ms_life_wait(i, &what, req->timeout_usec, err);
	}
	if (ms_instances_live(s->instances) >= s->config->max_instances) {
		ms_error_say(err, EBUSY, MS_REASON_HOST_FULL, "%u instances run already",
			     s->config->max_instances);
		return ms_error_hint(err, "stop some, or raise \"maxInstances\" in modsupd.json");
	}
	err->step = MS_STEP_NONE;
	i = ms_life_new(s);
	if (!i)
		return ms_error_set(err, ENOMEM, "instance");
	r = ms_life_new_id(i, err);
	if (r == 0)
		r = ms_life_ask(i, req, err);
	if (r == 0)
		r = ms_life_wait(i, &what, req->timeout_usec, err);
	if (r < 0) {
		ms_life_free(i);
		return r;
	}
	ms_life_insert(i);
	ms_queue_enter(i);
	return 0;
}

struct ms_instance *ms_instance_find(struct ms_supervisor *s, struct ms_str instance,
				     struct ms_str module, struct ms_str tenant)
{
	const struct ms_str dflt = MS_STR_LIT("default");

	for (struct ms_instance *i = s->instances->last; i; i = i->prev) {
		const struct ms_manifest *m = i->inspection.manifest;

		if (instance.len) {
			if (strlen(i->id) == instance.len &&
			    memcmp(i->id, instance.p, instance.len) == 0)
				return i;
		} else if (i->stdio == MS_STDIO_LOG && is_same(m ? m->id : i->wanted, module) &&
			   i->error.reason != MS_REASON_ALREADY_RUNNING &&
			   is_same(i->tenant, tenant.len ? tenant : dflt)) {
			return i; /* the latest */
		}
	}
	return NULL;
}

int ms_instance_wait(struct ms_supervisor *s, struct ms_instance *i, ms_view_fn fn, void *data,
		     struct ms_error *err)
{
	const struct ms_waiter what = {.what = MS_WAITS_END, .view_fn = fn, .data = data};

	(void)s;
	return ms_life_wait(i, &what, 0, err);
}

int ms_instance_stop(struct ms_supervisor *s, struct ms_instance *i, ms_view_fn fn, void *data,
		     struct ms_error *err)
{
	int r = ms_instance_wait(s, i, fn, data, err);

	if (r < 0)
		return r;
	if (i->unit && i->unit->current == i)
		ms_unit_unwish(i->unit);
	if (ms_life_is_live(i))
		ms_life_stop(i, MS_ENDER_STOP);
	return 0;
}

int ms_instance_restart(struct ms_supervisor *s, struct ms_instance *i, enum ms_wait wait,
			uint64_t timeout_usec, ms_start_fn fn, void *data, struct ms_error *err)
{
	const struct ms_waiter what = {
		.what = MS_WAITS_RESTART, .wait = wait, .start_fn = fn, .data = data};
	struct ms_unit *unit = i->unit;
	int r;

	if (s->stopping)
		return ms_error_say(err, EBUSY, MS_REASON_BUSY, "modsupd is stopping");
	if (!unit || unit->current != i) {
		ms_error_say(err, EINVAL, MS_REASON_CONFLICT,
			     ms_life_is_live(i) ? "it is attached to a caller: there is nothing to "
						  "start it from again"
						: "this run is over, and was not the latest one");
		return ms_error_hint(err, "name the module, or start it again");
	}
	r = ms_life_wait(i, &what, timeout_usec, err);
	if (r < 0)
		return r;
	unit->wished = unit->again = true;
	if (ms_life_is_live(i)) {
		ms_unit_note(unit);
		ms_life_stop(i, MS_ENDER_STOP);
		return 0;
	}
	unit->failures = 0;
	unit->history.n = 0;
	r = ms_unit_next(unit, err);
	if (r < 0) {
		ms_instance_forget_data(s, data);
		ms_unit_unwish(unit);
	}
	return r;
}

int ms_instance_kill(struct ms_supervisor *s, struct ms_instance *i, uint8_t signo, ms_view_fn fn,
		     void *data, struct ms_error *err)
{
	const struct ms_waiter soon = {.what = MS_WAITS_NOTHING, .view_fn = fn, .data = data};
	int r;

	if (signo) {
		if (!ms_life_is_live(i) || !i->started || !i->box)
			return ms_error_say(err, ESRCH, MS_REASON_NOT_RUNNING,
					    "it is %s: there is no process to signal",
					    ms_state_word(i->state));
		r = ms_life_wait(i, &soon, 0, err);
		if (r == 0)
			ms_box_signal(i->box, signo);
		return r;
	}
	r = ms_instance_wait(s, i, fn, data, err);
	if (r < 0)
		return r;
	if (i->unit && i->unit->current == i)
		ms_unit_unwish(i->unit);
	if (ms_life_is_live(i))
		ms_life_kill(i, MS_ENDER_KILL);
	return 0;
}

void ms_instances_emergency(struct ms_supervisor *s)
{
	for (struct ms_unit *unit = s->units->first; unit; unit = unit->next)
		ms_unit_unwish(unit);
	for (struct ms_instance *i = s->instances->first; i; i = i->next) {
		if (!ms_life_is_live(i))
			continue;
		if (!i->started) /* what whoever waits for the start is told */
			MS_IGNORE(ms_emergency_admit(s->emergency, &i->error)); /* as above */
		ms_life_kill(i, MS_ENDER_EMERGENCY);
	}
}

struct ms_cgroup *ms_instance_cgroup(const struct ms_instance *i)
{
	return i->box && i->phase == MS_PHASE_RUN ? ms_box_cgroup(i->box) : NULL;
}

void ms_instances_queue(const struct ms_supervisor *s, uint32_t *ret_launching,
			uint32_t *ret_waiting, uint32_t *ret_limit)
{
	*ret_launching = s->instances->n_launching;
	*ret_waiting = s->instances->n_queued;
	*ret_limit = s->instances->max_launching;
}

void ms_instance_forget_owner(struct ms_supervisor *s, const void *owner)
{
	for (struct ms_instance *i = s->instances->first; i; i = i->next) {
		if (!owner || i->owner != owner)
			continue;
		i->owner = NULL;
		if (ms_life_is_live(i))
			ms_life_kill(i, MS_ENDER_STOP);
	}
}

uint64_t ms_instance_each(struct ms_supervisor *s, uint64_t after, uint32_t limit, ms_view_fn fn,
			  void *data)
{
	uint32_t n = 0;

	for (struct ms_instance *i = s->instances->first; i; i = i->next) {
		struct ms_instance_view view;

		if (i->order <= after ||
		    (i->owner == NULL && i->stdio != MS_STDIO_LOG && !ms_life_is_live(i)))
			continue;
		if (n++ == limit)
			return i->order - 1;
		ms_instance_view(i, &view);
		fn(data, &view);
	}
	return 0;
}

void ms_life_head(const struct ms_instance *i, const char *type, struct ms_event_head *ret)
{
	const struct ms_manifest *m = i->inspection.manifest;
	const char *tier = ms_tier_word(i->tier);

	*ret = (struct ms_event_head){
		.type = type,
		.module = m ? m->id : i->wanted,
		.version = m ? m->version : MS_STR_LIT(""),
		.tenant = i->tenant,
		.tier = {.p = tier, .len = strlen(tier)},
		.instance = {.p = i->id, .len = strlen(i->id)},
		.labels = i->labels ? ms_doc_root(i->labels) : NULL,
	};
}

struct ms_box *ms_instance_box(const struct ms_instance *i)
{
	return i->box;
}

void ms_instance_view(const struct ms_instance *i, struct ms_instance_view *ret)
{
	const struct ms_manifest *m = i->inspection.manifest;
	const struct ms_launcher *l = i->s->launcher;

	*ret = (struct ms_instance_view){
		.instance = {.p = i->id, .len = strlen(i->id)},
		.module = m ? m->id : i->wanted,
		.version = m ? m->version : MS_STR_LIT(""),
		.tenant = i->tenant,
		.tier = i->tier,
		.state = i->state,
		.reason = i->state == MS_STATE_FAILED	   ? ms_reason_word(i->error.reason)
			  : i->exit.ended		   ? i->exit.cause
			  : i->state == MS_STATE_UNHEALTHY ? "unhealthy"
							   : "",
		.generation = i->generation,
		.since_usec = i->since_usec,
		.next_usec = i->state == MS_STATE_BACKOFF && i->unit ? i->unit->next_usec : 0,
		.outdated = i->outdated,
		.status = {.p = i->status, .len = strlen(i->status)},
		.stderr_tail = {.p = i->tail, .len = i->tail_len},
		.peak_memory = i->peak_memory,
		.cpu_used_usec = i->cpu_used_usec,
		.pid = i->exit.ended ? 0 : i->pid,
		.policy = {.p = i->policy_hex, .len = strlen(i->policy_hex)},
		.labels = i->labels ? ms_doc_root(i->labels) : NULL,
		.denied = i->denied,
		.error = i->state == MS_STATE_FAILED ? &i->error : NULL,
		.report = i->inspection.report && i->inspection.report->n_diags
				  ? i->inspection.report
				  : NULL,
		.narrowings = i->policy ? i->policy->narrowings : NULL,
		.n_narrowings = i->policy ? i->policy->n_narrowings : 0,
		.skipped = l->skipped,
		.n_skipped = l->n_skipped,
		.exit = i->exit,
	};
	for (uint32_t n = 0; m && n < i->n_sockets; n++) {
		ret->sockets[n].name = m->listen[n];
		ret->sockets[n].path =
			(struct ms_str){.p = i->sockets[n], .len = strlen(i->sockets[n])};
	}
	ret->n_sockets = i->n_sockets;
}
