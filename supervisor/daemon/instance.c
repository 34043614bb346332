/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * instance.c - the table of instances and who waits for what. A state change marks its instance
 * dirty; the answers go out from one deferred source, so that no callback runs inside the call that
 * caused it.
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

static uint64_t realtime_usec(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail */
	return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

static bool is_live(const struct ms_instance *i)
{
	return i->state != MS_STATE_STOPPED && i->state != MS_STATE_FAILED;
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

static void drop_waiter(struct ms_waiter *w)
{
	w->timer = sd_event_source_disable_unref(w->timer);
	free(w);
}

void ms_life_free(struct ms_instance *i)
{
	struct ms_waiter *next;

	ms_life_close(i);
	for (struct ms_waiter *w = i->waiters; w; w = next) {
		next = w->next;
		drop_waiter(w);
	}
	i->box = ms_box_free(i->box);
	ms_inspection_done(&i->inspection);
	i->policy = ms_policy_free(i->policy);
	i->labels = ms_doc_free(i->labels);
	ms_buf_done(&i->answer);
	ms_arena_done(&i->arena);
	free(i);
}

void ms_life_drop(struct ms_instance *i)
{
	struct ms_instances *t = i->s->instances;
	bool was_live =
		is_live(i); /* only when the daemon ends: then it goes on for the next one */

	if (i->prev)
		i->prev->next = i->next;
	else
		t->first = i->next;
	if (i->next)
		i->next->prev = i->prev;
	else
		t->last = i->prev;
	t->n--;
	if (!is_live(i))
		t->n_ended--;
	if (i->stdio == MS_STDIO_LOG && !was_live)
		ms_state_drop_logs(i->s->state, i->id);
	ms_life_free(i);
}

/* Keep the table bounded: the oldest ended ones that nobody waits for go first. */
static void forget_old(struct ms_instances *t)
{
	struct ms_instance *next;

	for (struct ms_instance *i = t->first; i && t->n_ended > MS_MAX_ENDED; i = next) {
		next = i->next;
		if (!is_live(i) && !i->waiters && !i->dirty)
			ms_life_drop(i);
	}
}

static void end_if_empty(struct ms_supervisor *s)
{
	if (s->stopping && ms_instances_live(s->instances) == 0)
		MS_IGNORE(sd_event_exit(s->loop, 0)); /* the loop is there */
}

uint32_t ms_instances_live(const struct ms_instances *t)
{
	return t->n - t->n_ended;
}

/* -- who waits -- */

void ms_life_dirty(struct ms_instance *i)
{
	i->dirty = true;
	MS_IGNORE(sd_event_source_set_enabled(i->s->instances->answers,
					      SD_EVENT_ONESHOT)); /* it is there */
}

void ms_life_set(struct ms_instance *i, enum ms_state state)
{
	bool was_live = is_live(i);

	i->state = state;
	i->since_usec = realtime_usec();
	if (was_live && !is_live(i))
		i->s->instances->n_ended++;
	ms_life_dirty(i);
}

static int on_wait_timeout(sd_event_source *source, uint64_t usec, void *data)
{
	struct ms_waiter *w = data;

	(void)source;
	(void)usec;
	w->timed_out = true;
	ms_life_dirty(w->i);
	return 0;
}

int ms_life_wait(struct ms_instance *i, const struct ms_waiter *what, uint64_t timeout_usec,
		 struct ms_error *err)
{
	struct ms_waiter *w, **end = &i->waiters;

	if (i->n_waiters == MS_MAX_WAITERS)
		return ms_error_say(err, EBUSY, MS_REASON_BUSY,
				    "%u requests wait for this instance already", MS_MAX_WAITERS);
	w = calloc(1, sizeof(*w));
	if (!w)
		return ms_error_set(err, ENOMEM, "wait");
	*w = *what;
	w->i = i;
	if (timeout_usec) {
		int r = sd_event_add_time_relative(i->s->loop, &w->timer, CLOCK_BOOTTIME,
						   timeout_usec, 0, on_wait_timeout, w);

		if (r < 0) {
			free(w);
			return ms_error_set(err, -r, "set the wait's timer");
		}
	}
	while (*end)
		end = &(*end)->next;
	*end = w;
	i->n_waiters++;
	ms_life_dirty(i); /* it may be there already */
	return 0;
}

void ms_life_join(struct ms_instance *from, struct ms_instance *to)
{
	struct ms_waiter **end = &to->waiters;

	while (*end)
		end = &(*end)->next;
	*end = from->waiters;
	for (struct ms_waiter *w = from->waiters; w; w = w->next) {
		w->i = to;
		w->already = true;
	}
	to->n_waiters += from->n_waiters;
	from->waiters = NULL;
	from->n_waiters = 0;
	ms_life_dirty(to);
}

static bool is_due(const struct ms_instance *i, const struct ms_waiter *w)
{
	if (!is_live(i))
		return true;
	if (w->what == MS_WAITS_END)
		return false;
	return w->timed_out || i->started || w->wait == MS_WAIT_NO;
}

static void close_client_fds(struct ms_instance *i)
{
	for (uint32_t n = 0; n < i->n_client_fds; n++)
		i->client_fds[n] = ms_fd_close(i->client_fds[n]);
	i->n_client_fds = 0;
}

static void answer_start(struct ms_instance *i, struct ms_waiter *w)
{
	struct ms_instance_view view;
	struct ms_error late = MS_ERROR_INIT;
	struct ms_start_answer answer = {.view = &view};

	ms_instance_view(i, &view);
	view.already = w->already;
	if (i->state == MS_STATE_FAILED || (!is_live(i) && !i->started)) {
		answer.error = &i->error;
		answer.report = view.report;
		if (!i->error.code) {
			MS_IGNORE(ms_error_say(&late, ECANCELED, MS_REASON_CONFLICT,
					       "stopped before it was ready"));
			answer.error = &late;
		}
	} else if (w->timed_out && !i->started) {
		MS_IGNORE(ms_error_say(&late, ETIMEDOUT, MS_REASON_START_TIMEOUT,
				       "not ready within the time given; the start goes on"));
		answer.error = &late;
	} else if (i->n_client_fds && !w->already) {
		answer.fds = i->client_fds;
		answer.n_fds = i->n_client_fds;
	}
	w->start_fn(w->data, &answer);
	if (answer.n_fds)
		close_client_fds(i); /* taken, or never to be asked for again */
}

static void answer_waiters(struct ms_instance *i)
{
	struct ms_waiter **at = &i->waiters, *w;

	while ((w = *at)) {
		if (!is_due(i, w)) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		i->n_waiters--;
		if (w->what == MS_WAITS_START) {
			answer_start(i, w);
		} else {
			struct ms_instance_view view;

			ms_instance_view(i, &view);
			w->view_fn(w->data, &view);
		}
		drop_waiter(w);
		at = &i->waiters; /* an answer may have made others leave */
	}
}

/* It turned out to be one that runs: whoever asked has that one, and there is nothing to list. */
static bool is_joined(const struct ms_instance *i)
{
	return i->state == MS_STATE_FAILED && i->error.reason == MS_REASON_ALREADY_RUNNING &&
	       !i->waiters;
}

static int on_answers(sd_event_source *source, void *data)
{
	struct ms_instances *t = data;
	struct ms_instance *next;

	(void)source;
	for (struct ms_instance *i = t->first; i; i = next) {
		next = i->next;
		if (!i->dirty)
			continue;
		i->dirty = false;
		answer_waiters(i);
		/* whoever asked for them went away before the answer */
		if (!is_live(i) || (i->started && !i->waiters))
			close_client_fds(i);
		if (is_joined(i))
			ms_life_drop(i);
	}
	forget_old(t);
	end_if_empty(t->s);
	return 0;
}

int ms_instances_new(struct ms_supervisor *s, struct ms_instances **ret, struct ms_error *err)
{
	ms_auto_free struct ms_instances *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return ms_error_set(err, ENOMEM, "instances");
	t->s = s;
	r = sd_event_add_defer(s->loop, &t->answers, on_answers, t);
	if (r >= 0)
		r = sd_event_source_set_enabled(t->answers, SD_EVENT_OFF);
	if (r < 0)
		return ms_error_set(err, -r, "set up the answers");
	*ret = MS_TAKE_PTR(t);
	return 0;
}

struct ms_instances *ms_instances_free(struct ms_instances *t)
{
	if (!t)
		return NULL;
	while (t->first)
		ms_life_drop(t->first);
	t->answers = sd_event_source_disable_unref(t->answers);
	free(t);
	return NULL;
}

void ms_instances_stop_all(struct ms_supervisor *s)
{
	bool again = s->stopping;

	s->stopping = true;
	for (struct ms_instance *i = s->instances->first; i; i = i->next) {
		struct ms_error err = MS_ERROR_INIT;

		if (!is_live(i))
			continue;
		if ((again || ms_life_stop(i, &err) < 0) && i->box)
			ms_box_kill(i->box);
	}
	end_if_empty(s);
}

void ms_instances_emergency(struct ms_supervisor *s)
{
	for (struct ms_instance *i = s->instances->first; i; i = i->next) {
		if (!is_live(i))
			continue;
		i->stop_asked = true;
		if (!i->started) /* what whoever waits for the start is told */
			MS_IGNORE(ms_emergency_admit(s->emergency, &i->error));
		if (i->box)
			ms_box_kill(i->box);
	}
}

/* -- what the control socket asks -- */

static int new_id(char id[static 17], struct ms_error *err)
{
	uint8_t random[8];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return ms_error_set(err, EIO, "random bytes for the instance");
	for (size_t n = 0; n < sizeof(random); n++)
		(void)snprintf(id + 2 * n, 3, "%02x", random[n]); /* always fits */
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
	for (int n = 0; n < 3; n++)
		i->client_fds[n] = -EBADF;
	i->since_usec = realtime_usec();
	return i;
}

int ms_instance_start(struct ms_supervisor *s, const struct ms_start_request *req, ms_start_fn fn,
		      void *data, struct ms_error *err)
{
	const struct ms_waiter what = {
		.what = MS_WAITS_START, .wait = req->wait, .start_fn = fn, .data = data};
	struct ms_instance *i;
	int r;

	if (s->stopping)
		return ms_error_say(err, EBUSY, MS_REASON_BUSY, "modsupd is stopping");
	if (ms_instances_live(s->instances) >= s->config->max_instances) {
		err->step = MS_STEP_ADMIT;
		ms_error_say(err, EBUSY, MS_REASON_HOST_FULL, "%u instances run already",
			     s->config->max_instances);
		return ms_error_hint(err, "stop some, or raise \"maxInstances\" in modsupd.json");
	}
	err->step = MS_STEP_ADMIT;
	r = ms_emergency_admit(s->emergency, err);
	if (r < 0)
		return r;
	err->step = MS_STEP_NONE;
	i = ms_life_new(s);
	if (!i)
		return ms_error_set(err, ENOMEM, "instance");
	r = new_id(i->id, err);
	if (r == 0)
		r = ms_life_begin(i, req, err);
	if (r < 0) {
		ms_life_free(i);
		return r;
	}
	ms_life_insert(i);
	r = ms_life_wait(i, &what, req->timeout_usec, err);
	if (r < 0) /* nobody would ever hear of it */
		ms_box_kill(i->box);
	return r;
}

static bool is_same(struct ms_str a, struct ms_str b)
{
	return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
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
		} else if (m && i->policy && i->stdio == MS_STDIO_LOG && is_same(m->id, module) &&
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

	return r < 0 || !is_live(i) ? r : ms_life_stop(i, err);
}

void ms_instance_forget_data(struct ms_supervisor *s, const void *data)
{
	for (struct ms_instance *i = s->instances->first; i; i = i->next) {
		struct ms_waiter **at = &i->waiters, *w;

		while ((w = *at)) {
			if (w->data != data) {
				at = &w->next;
				continue;
			}
			*at = w->next;
			i->n_waiters--;
			drop_waiter(w);
		}
	}
}

void ms_instance_forget_owner(struct ms_supervisor *s, const void *owner)
{
	for (struct ms_instance *i = s->instances->first; i; i = i->next) {
		if (!owner || i->owner != owner)
			continue;
		i->owner = NULL;
		if (is_live(i)) {
			i->stop_asked = true;
			if (i->box)
				ms_box_kill(i->box);
		}
	}
}

uint64_t ms_instance_each(struct ms_supervisor *s, uint64_t after, uint32_t limit, ms_view_fn fn,
			  void *data)
{
	uint32_t n = 0;

	for (struct ms_instance *i = s->instances->first; i; i = i->next) {
		struct ms_instance_view view;

		if (i->order <= after ||
		    (i->owner == NULL && i->stdio != MS_STDIO_LOG && !is_live(i)))
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
		.module = m ? m->id : MS_STR_LIT(""),
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
		.module = m ? m->id : MS_STR_LIT(""),
		.version = m ? m->version : MS_STR_LIT(""),
		.tenant = i->tenant,
		.tier = i->tier,
		.state = i->state,
		.reason = i->state == MS_STATE_FAILED ? ms_reason_word(i->error.reason)
			  : i->exit.ended	      ? i->exit.cause
						      : "",
		.generation = 1,
		.since_usec = i->since_usec,
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
