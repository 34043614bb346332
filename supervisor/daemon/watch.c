/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * watch.c - the limits of running instances, looked at from one timer. A thousand idle modules must
 * cost less than a wake-up a second, so nothing here has a timer of its own: each tick looks at one
 * slice of all instances, and besides at those that are near a limit.
 *
 *	quiet --(a fork refused; v1: above 80 % of its processes)--> hot: looked at each second
 *	  ^------------------(a second without either)-----------------'
 *
 * On v2 the kernel wakes for a refused fork, up to a hundred times a second: a hot one's descriptor
 * is not listened to. Called by the life of instances; what it finds goes out by ms_watch_ops.
 */
#include "supervisor/daemon/watch.h"

#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "supervisor/daemon/launcher.h"
#include "supervisor/daemon/supervisor.h"
#include "supervisor/daemon/window.h"

#define SECOND	      1000000u
#define ACCURACY_USEC 100000u

/* A tick, and in how many of them everybody has been looked at: ten seconds. v1 wakes nobody for a
 * refused fork, so there the total is to be seen in time. */
#define TICK_V1_USEC 1500000u
#define SLICES_V1    7u
#define TICK_V2_USEC 2500000u
#define SLICES_V2    4u
#define HOT_USEC     SECOND
#define NEAR_PCT     80u
#define MINUTE_USEC  (60u * SECOND)

/* Figures for instance.stats: 25 to 50 us for one instance. So many are read when they are asked
 * for; beyond, slices of all of them are read ahead as long as somebody keeps asking. */
#define FRESH_USEC	      SECOND
#define READ_AT_ONCE	      200u
#define REFRESH_USEC	      50000u
#define REFRESH_SLICES	      16u /* of 50 ms and a little: all within a second */
#define REFRESH_ACCURACY_USEC 5000u
#define ASKED_USEC	      (5u * SECOND)
#define FIGURES                                                                                    \
	(MS_CGROUP_READ_CPU | MS_CGROUP_READ_THROTTLE | MS_CGROUP_READ_MEMORY |                    \
	 MS_CGROUP_READ_PROCESSES)

struct ms_watch {
	struct ms_watches *all; /* borrowed */
	struct ms_watch *prev, *next;
	uint64_t order;
	const struct ms_cgroup *cgroup; /* borrowed */
	const struct ms_watch_ops *ops; /* borrowed */
	struct ms_instance *instance;	/* borrowed */
	uint64_t limits[MS_LIMIT_COUNT];
	uint64_t began_usec; /* boot time minus what it ran before */

	int forks_fd; /* v2: pids.events */
	sd_event_source *forks_source;
	bool hot;
	uint64_t forks_seen, forks_told;
	uint64_t hits_told, kills_seen;
	struct ms_window throttled;
	struct ms_pace forks_pace, cpu_pace, memory_pace;

	struct ms_cgroup_stats figures;
	uint64_t read_usec; /* when the figures were; 0 = never */
};

struct ms_watches {
	struct ms_supervisor *s; /* borrowed */
	struct ms_watch *first, *last;
	uint32_t n, n_hot;
	uint64_t last_order;
	int total_fd; /* v1: pids.current over all; -ENOENT on v2 */
	uint64_t total;
	sd_event_source *timer;
	uint64_t tick_usec;
	uint32_t slices;
	struct ms_watch *sweep_at, *refresh_at; /* who is next; NULL = the first */
	uint64_t ticked_usec, refreshed_usec, asked_usec;
};

static uint64_t boot_usec(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_BOOTTIME, &ts); /* cannot fail */
	return (uint64_t)ts.tv_sec * SECOND + (uint64_t)ts.tv_nsec / 1000u;
}

/* -- the timer -- */

static bool is_asked(const struct ms_watches *ws, uint64_t now)
{
	return ws->n > READ_AT_ONCE && ws->asked_usec && now - ws->asked_usec < ASKED_USEC;
}

static uint64_t tick_due(const struct ms_watches *ws)
{
	return ws->ticked_usec + (ws->n_hot ? HOT_USEC : ws->tick_usec);
}

/* The next look of whatever kind; none while nothing runs. */
static void arm(struct ms_watches *ws, uint64_t now)
{
	const bool asked = is_asked(ws, now);
	uint64_t due = tick_due(ws);

	if (asked && ws->refreshed_usec + REFRESH_USEC < due)
		due = ws->refreshed_usec + REFRESH_USEC;
	MS_IGNORE(sd_event_source_set_time_accuracy(
		ws->timer, asked ? REFRESH_ACCURACY_USEC : ACCURACY_USEC)); /* it is there */
	if (ws->n)
		MS_IGNORE(sd_event_source_set_time(ws->timer, due)); /* it is there */
	MS_IGNORE(sd_event_source_set_enabled(ws->timer, ws->n ? SD_EVENT_ONESHOT
							       : SD_EVENT_OFF)); /* the same */
}

static void set_hot(struct ms_watch *w, bool hot)
{
	if (w->hot == hot)
		return;
	w->hot = hot;
	w->all->n_hot += hot ? 1 : -1u;
	if (w->forks_source)
		MS_IGNORE(sd_event_source_set_enabled(
			w->forks_source, hot ? SD_EVENT_OFF : SD_EVENT_ON)); /* it is there */
}

/* -- processes -- */

static void tell_forks(struct ms_watch *w, uint64_t now)
{
	const uint64_t refused = w->forks_seen - w->forks_told;
	struct ms_cgroup_stats stats = {0};

	if (!refused || !ms_pace_due(&w->forks_pace, now))
		return;
	ms_pace_tell(&w->forks_pace, now);
	w->forks_told = w->forks_seen;
	ms_cgroup_stats(w->cgroup, MS_CGROUP_READ_PROCESSES, &stats);
	if (w->ops->on_processes)
		w->ops->on_processes(w->instance, refused, stats.processes);
}

/* What is refused by now. True: there was more, or some are still to be told. */
static bool take_forks(struct ms_watch *w, uint64_t total, uint64_t now)
{
	const bool grew = total > w->forks_seen;

	if (grew)
		w->forks_seen = total;
	tell_forks(w, now);
	return grew || w->forks_seen > w->forks_told;
}

static bool is_near(const struct ms_watch *w)
{
	struct ms_cgroup_stats stats = {0};

	ms_cgroup_stats(w->cgroup, MS_CGROUP_READ_PROCESSES, &stats);
	return stats.processes * 100 >= w->limits[MS_LIMIT_PROCESSES] * NEAR_PCT;
}

static void look_at_forks(struct ms_watch *w, uint64_t now)
{
	struct ms_cgroup_stats stats = {0};

	if (w->forks_fd < 0) {
		const bool near = is_near(w);

		if (near || w->hot)
			ms_cgroup_stats(w->cgroup, MS_CGROUP_READ_FORKS, &stats);
		set_hot(w, take_forks(w, stats.refused_forks, now) || near);
	} else if (ms_cgroup_read_forks(w->forks_fd, &stats.refused_forks)) {
		set_hot(w, take_forks(w, stats.refused_forks, now));
	} else {
		/* the group is gone, its descriptor wakes for ever; whoever removed it is about to
		 * free this */
		w->forks_source = sd_event_source_disable_unref(w->forks_source);
		set_hot(w, false);
	}
}

static int on_forks(sd_event_source *source, int fd, uint32_t revents, void *data)
{
	struct ms_watch *w = data;
	const uint64_t now = boot_usec();

	(void)source;
	(void)fd;
	(void)revents;
	look_at_forks(w, now);
	arm(w->all, now);
	return 0;
}

/* -- cpu and memory -- */

static void take_throttled(struct ms_watch *w, const struct ms_cgroup_stats *stats, uint64_t now)
{
	const struct ms_window_sample sample = {
		.usec = now, .count = stats->throttled, .amount = stats->throttled_usec};
	struct ms_window_sample came;
	struct ms_watch_cpu figures;

	if (!ms_window_look(&w->throttled, &sample, &came))
		return;
	figures = (struct ms_watch_cpu){
		.limit_pct = w->limits[MS_LIMIT_CPU],
		.window_usec = came.usec,
		/* not nr_periods, which counts only those in which it ran: a module that idles but
		 * for moments is not one that lacks time */
		.periods = came.usec / MS_CGROUP_PERIOD_USEC,
		.throttled = came.count,
		.throttled_usec = came.amount,
	};
	if (figures.throttled * 2 <= figures.periods || !ms_pace_due(&w->cpu_pace, now))
		return;
	ms_pace_tell(&w->cpu_pace, now);
	if (w->ops->on_cpu)
		w->ops->on_cpu(w->instance, &figures);
}

static void take_hits(struct ms_watch *w, uint64_t hits, uint64_t now)
{
	struct ms_cgroup_stats stats = {0};
	const struct ms_watch_memory figures = {
		.limit_bytes = w->limits[MS_LIMIT_MEMORY],
		.hits = hits - w->hits_told,
	};
	struct ms_watch_memory told = figures;

	if (hits <= w->hits_told || !ms_pace_due(&w->memory_pace, now))
		return;
	w->hits_told = hits;
	ms_cgroup_stats(w->cgroup, MS_CGROUP_READ_MEMORY | MS_CGROUP_READ_KILLS, &stats);
	if (stats.oom_kills > w->kills_seen) {
		w->kills_seen = stats.oom_kills; /* a violation tells of these */
		return;
	}
	ms_pace_tell(&w->memory_pace, now);
	told.current_bytes = stats.memory_bytes;
	if (w->ops->on_memory)
		w->ops->on_memory(w->instance, &told);
}

/* Everything that is not waited for; every ten seconds. */
static void look_at(struct ms_watch *w, uint64_t now)
{
	const bool v1 = w->forks_fd < 0;
	struct ms_cgroup_stats stats = {0};

	ms_cgroup_stats(w->cgroup,
			MS_CGROUP_READ_THROTTLE | MS_CGROUP_READ_HITS |
				(v1 ? MS_CGROUP_READ_FORKS : 0),
			&stats);
	if (v1 && take_forks(w, stats.refused_forks, now))
		set_hot(w, true);
	take_throttled(w, &stats, now);
	take_hits(w, stats.memory_hits, now);
}

static void read_figures(struct ms_watch *w, uint64_t now)
{
	ms_cgroup_stats(w->cgroup, FIGURES, &w->figures);
	w->read_usec = now;
}

/* -- all of them -- */

/* @look at the next of @slices parts of all, from *@at on. */
static void look_at_slice(struct ms_watches *ws, struct ms_watch **at, uint32_t slices,
			  void (*look)(struct ms_watch *, uint64_t), uint64_t now)
{
	for (uint32_t i = (ws->n + slices - 1) / slices; i > 0; i--) {
		struct ms_watch *w = *at ? *at : ws->first;

		ms_assert(w); /* there are n */
		*at = w->next;
		look(w, now);
	}
}

static void tick(struct ms_watches *ws, uint64_t now)
{
	const uint64_t total = ws->total_fd < 0 ? 0 : ms_cgroups_read_processes(ws->total_fd);
	const bool grew = total > ws->total;

	ws->ticked_usec = now;
	ws->total = total;
	for (struct ms_watch *w = grew || ws->n_hot ? ws->first : NULL; w; w = w->next) {
		if (w->hot || (grew && w->forks_fd < 0))
			look_at_forks(w, now);
	}
	look_at_slice(ws, &ws->sweep_at, ws->slices, look_at, now);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *data)
{
	struct ms_watches *ws = data;
	const uint64_t now = boot_usec();

	(void)source;
	(void)usec;
	if (now >= tick_due(ws))
		tick(ws, now);
	if (is_asked(ws, now) && now - ws->refreshed_usec >= REFRESH_USEC) {
		ws->refreshed_usec = now;
		look_at_slice(ws, &ws->refresh_at, REFRESH_SLICES, read_figures, now);
	}
	arm(ws, now);
	return 0;
}

int ms_watches_new(struct ms_supervisor *s, struct ms_watches **ret, struct ms_error *err)
{
	struct ms_watches *ws = calloc(1, sizeof(*ws));
	bool v1;
	int r;

	if (!ws)
		return ms_error_set(err, ENOMEM, "watches");
	ws->s = s;
	ws->total_fd = ms_cgroups_open_processes(s->launcher->cgroups);
	v1 = ws->total_fd >= 0;
	ws->tick_usec = v1 ? TICK_V1_USEC : TICK_V2_USEC;
	ws->slices = v1 ? SLICES_V1 : SLICES_V2;
	r = ws->total_fd < 0 && ws->total_fd != -ENOENT ? ws->total_fd : 0;
	if (r == 0)
		r = sd_event_add_time(s->loop, &ws->timer, CLOCK_BOOTTIME, UINT64_MAX,
				      ACCURACY_USEC, on_timer, ws);
	if (r >= 0)
		r = sd_event_source_set_enabled(ws->timer, SD_EVENT_OFF);
	if (r < 0) {
		(void)ms_watches_free(ws); /* always NULL */
		return ms_error_set(err, -r, "set up the watch over limits");
	}
	*ret = ws;
	return 0;
}

struct ms_watches *ms_watches_free(struct ms_watches *ws)
{
	if (!ws)
		return NULL;
	ms_assert(!ws->first);
	ws->timer = sd_event_source_disable_unref(ws->timer);
	ws->total_fd = ms_fd_close(ws->total_fd);
	free(ws);
	return NULL;
}

/* -- one -- */

static void insert(struct ms_watches *ws, struct ms_watch *w, uint64_t now)
{
	w->order = ++ws->last_order;
	w->prev = ws->last;
	if (ws->last)
		ws->last->next = w;
	else
		ws->first = w;
	ws->last = w;
	if (ws->n++ == 0)
		ws->ticked_usec = now;
	arm(ws, now);
}

static void take_out(struct ms_watches *ws, struct ms_watch *w)
{
	if (ws->sweep_at == w)
		ws->sweep_at = w->next;
	if (ws->refresh_at == w)
		ws->refresh_at = w->next;
	if (w->prev)
		w->prev->next = w->next;
	else
		ws->first = w->next;
	if (w->next)
		w->next->prev = w->prev;
	else
		ws->last = w->prev;
	if (--ws->n == 0)
		arm(ws, boot_usec());
}

/* v2: be woken for refused forks. */
static int listen_to_forks(struct ms_watch *w, struct ms_error *err)
{
	uint64_t refused;
	int r;

	w->forks_fd = ms_cgroup_open_forks(w->cgroup);
	if (w->forks_fd == -ENOENT)
		return 0;
	/* what was counted before this is no news of the descriptor's: it has to be read once */
	r = w->forks_fd < 0 || ms_cgroup_read_forks(w->forks_fd, &refused) ? w->forks_fd : -EIO;
	if (r >= 0)
		r = sd_event_add_io(w->all->s->loop, &w->forks_source, w->forks_fd, EPOLLPRI,
				    on_forks, w);
	return r < 0 ? ms_error_set(err, -r, "watch the processes of the group") : 0;
}

int ms_watch_new(struct ms_supervisor *s, const struct ms_watch_spec *spec, struct ms_watch **ret,
		 struct ms_error *err)
{
	struct ms_watch *w = calloc(1, sizeof(*w));
	const uint64_t now = boot_usec();
	struct ms_cgroup_stats stats = {0};
	int r;

	if (!w)
		return ms_error_set(err, ENOMEM, "watch");
	*w = (struct ms_watch){
		.all = s->watches,
		.cgroup = spec->cgroup,
		.ops = spec->ops,
		.instance = spec->instance,
		.began_usec = now - spec->ran_usec,
		.forks_pace = {.interval_usec = SECOND},
		.cpu_pace = {.interval_usec = MINUTE_USEC},
		.memory_pace = {.interval_usec = MINUTE_USEC},
	};
	memcpy(w->limits, spec->limits, sizeof(w->limits));
	ms_window_init(&w->throttled, MINUTE_USEC);
	r = listen_to_forks(w, err);
	if (r < 0) {
		w->forks_fd = ms_fd_close(w->forks_fd);
		free(w);
		return r;
	}
	if (spec->adopted) {
		ms_cgroup_stats(w->cgroup, MS_CGROUP_READ_ALL, &stats);
		w->forks_seen = w->forks_told = stats.refused_forks;
		w->hits_told = stats.memory_hits;
		w->kills_seen = stats.oom_kills;
	}
	insert(w->all, w, now);
	look_at_forks(w, now);
	*ret = w;
	return 0;
}

struct ms_watch *ms_watch_free(struct ms_watch *w)
{
	if (!w)
		return NULL;
	set_hot(w, false);
	take_out(w->all, w);
	w->forks_source = sd_event_source_disable_unref(w->forks_source);
	w->forks_fd = ms_fd_close(w->forks_fd);
	free(w);
	return NULL;
}

uint64_t ms_watch_untold(const struct ms_watch *w, uint64_t total)
{
	const uint64_t told = w ? w->forks_told : 0;

	return total > told ? total - told : 0;
}

/* -- figures -- */

static bool is_fresh(const struct ms_watch *w, uint64_t now)
{
	return w->read_usec && now - w->read_usec < FRESH_USEC;
}

static void show(struct ms_watch *w, uint64_t now, struct ms_watch_figures *ret)
{
	if (!is_fresh(w, now))
		read_figures(w, now);
	ret->now = w->figures;
	ret->uptime_usec = w->read_usec - w->began_usec;
	memcpy(ret->limits, w->limits, sizeof(ret->limits));
}

bool ms_watch_figures(struct ms_supervisor *s, const struct ms_instance *instance,
		      struct ms_watch_figures *ret)
{
	for (struct ms_watch *w = s->watches->first; w; w = w->next) {
		if (w->instance != instance)
			continue;
		show(w, boot_usec(), ret);
		return true;
	}
	return false;
}

uint64_t ms_watch_each(struct ms_supervisor *s, const struct ms_watch_walk *walk)
{
	struct ms_watches *ws = s->watches;
	const uint64_t now = boot_usec();
	uint32_t shown = 0, read = 0;

	ws->asked_usec = now;
	arm(ws, now);
	for (struct ms_watch *w = ws->first; w; w = w->next) {
		struct ms_watch_figures figures;

		if (w->order <= walk->after || !walk->is_wanted(walk->data, w->instance))
			continue;
		if (shown++ == walk->limit || (!is_fresh(w, now) && read++ == READ_AT_ONCE))
			return w->order - 1;
		show(w, now, &figures);
		walk->show(walk->data, w->instance, &figures);
	}
	return 0;
}
