/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * waiter.c - who waits for what of an instance. A state change marks its instance dirty; the
 * answers go out from one deferred source, so that no callback runs inside the call that caused it.
 */
#include <stdio.h>
#include <string.h>

#include "supervisor/daemon/instance-life.h"
#include "supervisor/daemon/instances.h"
#include "supervisor/daemon/supervisor.h"
#include "supervisor/daemon/unit.h"

static void drop_waiter(struct ms_waiter *w)
{
	w->timer = sd_event_source_disable_unref(w->timer);
	free(w);
}

void ms_life_drop_waiters(struct ms_instance *i)
{
	struct ms_waiter *next;

	for (struct ms_waiter *w = i->waiters; w; w = next) {
		next = w->next;
		drop_waiter(w);
	}
	i->waiters = NULL;
	i->n_waiters = 0;
}

void ms_life_dirty(struct ms_instance *i)
{
	if (!i->dirty)
		TAILQ_INSERT_TAIL(&i->s->instances->dirty, i, dirty_link);
	i->dirty = true;
	MS_IGNORE(sd_event_source_set_enabled(i->s->instances->answers,
					      SD_EVENT_ONESHOT)); /* it is there */
}

static int on_wait_timeout(sd_event_source *source MS_UNUSED, uint64_t usec MS_UNUSED, void *data)
{
	struct ms_waiter *w = data;

	w->timed_out = true;
	ms_life_dirty(w->i);
	return 0;
}

static void append(struct ms_instance *i, struct ms_waiter *w)
{
	struct ms_waiter **end = &i->waiters;

	while (*end)
		end = &(*end)->next;
	w->next = NULL;
	w->i = i;
	*end = w;
	i->n_waiters++;
	ms_life_dirty(i); /* it may be there already */
}

int ms_life_wait(struct ms_instance *i, const struct ms_waiter *what, uint64_t timeout_usec,
		 struct ms_error *err)
{
	struct ms_waiter *w;

	if (i->n_waiters >= MS_MAX_WAITERS)
		return ms_error_say(err, EBUSY, MS_REASON_BUSY,
				    "%u requests wait for this instance already", MS_MAX_WAITERS);
	w = calloc(1, sizeof(*w));
	if (!w)
		return ms_error_set(err, ENOMEM, "wait");
	*w = *what;
	if (timeout_usec) {
		int r = sd_event_add_time_relative(i->s->loop, &w->timer, CLOCK_BOOTTIME,
						   timeout_usec, 0, on_wait_timeout, w);

		if (r < 0) {
			free(w);
			return ms_error_set(err, -r, "set the wait's timer");
		}
	}
	append(i, w);
	return 0;
}

void ms_life_join(struct ms_instance *from, struct ms_instance *to, enum ms_waits_for what,
		  bool already)
{
	struct ms_waiter **at = &from->waiters, *w;

	while ((w = *at)) {
		if (w->what != what) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		from->n_waiters--;
		if (w->what == MS_WAITS_RESTART)
			w->what = MS_WAITS_START;
		w->already |= already;
		append(to, w);
	}
}

/* -- answers -- */

static bool is_due(const struct ms_instance *i, const struct ms_waiter *w)
{
	switch (w->what) {
	case MS_WAITS_END:
		return !ms_life_is_live(i);
	case MS_WAITS_NOTHING:
		return true;
	case MS_WAITS_RESTART: /* goes over to the next run, unless there will be none */
		return w->timed_out || (!ms_life_is_live(i) && (!i->unit || !i->unit->again));
	case MS_WAITS_START:
		break;
	}
	if (!ms_life_is_live(i) || w->timed_out || w->wait == MS_WAIT_NO)
		return true;
	return w->wait == MS_WAIT_SPAWNED ? i->started : i->ready;
}

static void close_client_fds(struct ms_instance *i)
{
	for (uint32_t n = 0; n < i->n_client_fds; n++)
		i->client_fds[n] = ms_fd_close(i->client_fds[n]);
	i->n_client_fds = 0;
}

static void describe_end(const struct ms_instance *i, char out[static 48])
{
	if (!i->exit.ended)
		(void)snprintf(out, 48, "ended"); /* always fits */
	else if (i->exit.by_signal)
		(void)snprintf(out, 48, "ended by signal %u (%s)", i->exit.value,
			       i->exit.cause); /* a cut one is good enough */
	else
		(void)snprintf(out, 48, "exited with code %u", i->exit.value); /* always fits */
}

/* It is not up, or was up only for a moment: why. */
static void why_not(const struct ms_instance *i, struct ms_error *ret)
{
	char how[48];

	if (i->error.code) {
		*ret = i->error;
		return;
	}
	if (i->ender == MS_ENDER_STOP || i->ender == MS_ENDER_KILL) {
		MS_IGNORE(ms_error_say(ret, ECANCELED, MS_REASON_CANCELLED,
				       "stopped before it was ready")); /* told */
		return;
	}
	describe_end(i, how);
	if (i->state == MS_STATE_BACKOFF)
		MS_IGNORE(ms_error_say(ret, EAGAIN, MS_REASON_BACKOFF,
				       "it %s before it was ready; it is tried again",
				       how)); /* told */
	else
		MS_IGNORE(ms_error_say(ret, ESRCH, MS_REASON_NOT_RUNNING,
				       "it %s before it was ready", how));	/* told */
	MS_IGNORE(ms_error_hint(ret, "modsupctl status shows its last words")); /* told */
}

static bool has_come_up(const struct ms_instance *i, const struct ms_waiter *w)
{
	if (i->state == MS_STATE_FAILED && i->error.code)
		return false;
	if (w->wait == MS_WAIT_NO)
		return ms_life_is_live(i);
	return w->wait == MS_WAIT_SPAWNED ? i->started : i->ready;
}

static void answer_start(struct ms_instance *i, struct ms_waiter *w)
{
	struct ms_instance_view view;
	struct ms_error error = MS_ERROR_INIT;
	struct ms_start_answer answer = {.view = &view};

	ms_instance_view(i, &view);
	view.already = w->already;
	view.stale = w->stale;
	if (has_come_up(i, w)) {
		if (i->n_client_fds && !w->already) {
			answer.fds = i->client_fds;
			answer.n_fds = i->n_client_fds;
		}
	} else if (ms_life_is_live(i) && w->what == MS_WAITS_START) {
		MS_IGNORE(ms_error_say(
			&error, ETIMEDOUT, MS_REASON_START_TIMEOUT,
			"not ready within the time given; the start goes on")); /* told */
		answer.error = &error;
	} else if (ms_life_is_live(i)) {
		MS_IGNORE(ms_error_say(&error, ETIMEDOUT, MS_REASON_DEADLINE,
				       "still stopping; the restart goes on")); /* told */
		answer.error = &error;
	} else {
		why_not(i, &error);
		answer.error = &error;
		answer.report = view.report;
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
		if (w->start_fn) {
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

/* Keep the table bounded: the oldest ended ones that nobody waits for go first. */
static void forget_old(struct ms_instances *t)
{
	struct ms_instance *next;

	for (struct ms_instance *i = TAILQ_FIRST(&t->over); i && t->n_over > MS_MAX_ENDED;
	     i = next) {
		next = TAILQ_NEXT(i, over_link);
		if (!i->waiters && !i->dirty)
			ms_life_drop(i);
	}
}

static void answer(struct ms_instance *i)
{
	answer_waiters(i);
	/* whoever asked for them went away before the answer */
	if (!ms_life_is_live(i) || (i->started && !i->waiters))
		close_client_fds(i);
	if (is_joined(i))
		ms_life_drop(i);
}

static int on_answers(sd_event_source *source MS_UNUSED, void *data)
{
	struct ms_instances *t = data;
	struct ms_instance *i;

	/* no more than there are: what becomes dirty again has its turn after the loop's other work
	 */
	for (uint32_t n = t->n; n && (i = TAILQ_FIRST(&t->dirty)); n--) {
		TAILQ_REMOVE(&t->dirty, i, dirty_link);
		i->dirty = false;
		answer(i);
	}
	forget_old(t);
	if (t->s->stopping && ms_instances_live(t) == 0)
		MS_IGNORE(sd_event_exit(t->s->loop, 0)); /* the loop is there */
	return 0;
}

int ms_waiters_open(struct ms_instances *t, struct ms_error *err)
{
	int r = sd_event_add_defer(t->s->loop, &t->answers, on_answers, t);

	if (r >= 0)
		r = sd_event_source_set_enabled(t->answers, SD_EVENT_OFF);
	return r < 0 ? ms_error_set(err, -r, "set up the answers") : 0;
}

/* -- those who go away -- */

static struct ms_waiter **find(const struct ms_supervisor *s, const void *data)
{
	for (struct ms_instance *i = s->instances->first; i; i = i->next) {
		for (struct ms_waiter **at = &i->waiters; *at; at = &(*at)->next) {
			if ((*at)->data == data)
				return at;
		}
	}
	return NULL;
}

static void forget(struct ms_waiter **at)
{
	struct ms_waiter *w = *at;

	*at = w->next;
	w->i->n_waiters--;
	drop_waiter(w);
}

void ms_instance_forget_data(struct ms_supervisor *s, const void *data)
{
	struct ms_waiter **at;

	while ((at = find(s, data)))
		forget(at);
}

const char *ms_instance_step(const struct ms_supervisor *s, const void *data)
{
	struct ms_waiter **at = find(s, data);
	const struct ms_instance *i = at ? (*at)->i : NULL;

	if (!i || ((*at)->what != MS_WAITS_START && (*at)->what != MS_WAITS_RESTART))
		return NULL;
	switch (i->state) {
	case MS_STATE_WAITING:
		return "waiting";
	case MS_STATE_INSPECTING:
		return "inspect";
	case MS_STATE_STARTING:
		return i->phase == MS_PHASE_COPY ? "copy" : i->started ? "ready" : "launch";
	case MS_STATE_STOPPING:
		return "stop";
	case MS_STATE_READY:
	case MS_STATE_UNHEALTHY:
	case MS_STATE_STOPPED:
	case MS_STATE_BACKOFF:
	case MS_STATE_FAILED:
	case MS_STATE_COUNT:
		break;
	}
	return NULL;
}

bool ms_instance_cancel(struct ms_supervisor *s, const void *data)
{
	struct ms_waiter **at = find(s, data);
	struct ms_instance *i = at ? (*at)->i : NULL;
	bool is_start = at && (*at)->what == MS_WAITS_START && !(*at)->already;

	if (!at)
		return false;
	forget(at);
	if (!is_start || i->waiters || i->ready || !ms_life_is_live(i))
		return true;
	if (i->unit && i->unit->current == i)
		ms_unit_unwish(i->unit);
	ms_life_stop(i, MS_ENDER_STOP);
	return true;
}
