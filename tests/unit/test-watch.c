/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-watch.c - watches over real groups of this host, with real processes in them and a real
 * event loop; whom they are about is a number. A random daemon id names everything that is made
 * here. Needs root.
 */
#include "supervisor/daemon/watch.h"

#include <inttypes.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "supervisor/daemon/launcher.h"
#include "supervisor/daemon/supervisor.h"
#include "tests/unit/test.h"

#define MIB	   (UINT64_C(1) << 20)
#define SMALL	   (32 * MIB)
#define SECOND	   UINT64_C(1000000)
#define DEADLINE_S 20
#define MANY	   300
#define NEED_ROOT                                                                                  \
	if (geteuid() != 0)                                                                        \
	TEST_SKIP("needs root")

static uint64_t limits[MS_LIMIT_COUNT] = {
	[MS_LIMIT_MEMORY] = 512 * MIB,
	[MS_LIMIT_CPU] = 50,
	[MS_LIMIT_PROCESSES] = 10,
	[MS_LIMIT_OPEN_FILES] = 64,
};

/* What has been told, to whomever. */
static struct {
	uint64_t n_forks, refused, current, last_usec, least_gap;
	uint64_t n_memory, hits, bytes;
	const struct ms_instance *who;
} told;

static uint64_t now_usec(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_BOOTTIME, &ts); /* cannot fail */
	return (uint64_t)ts.tv_sec * SECOND + (uint64_t)ts.tv_nsec / 1000;
}

static void on_processes(struct ms_instance *i, uint64_t refused, uint64_t current)
{
	const uint64_t now = now_usec();

	if (told.n_forks++ && now - told.last_usec < told.least_gap)
		told.least_gap = now - told.last_usec;
	told.last_usec = now;
	told.refused += refused;
	told.current = current;
	told.who = i;
}

static void on_memory(struct ms_instance *i, const struct ms_watch_memory *figures)
{
	told.n_memory++;
	told.hits += figures->hits;
	told.bytes = figures->current_bytes;
	told.who = i;
	CHECK_EQ(figures->limit_bytes, SMALL);
}

static const struct ms_watch_ops ops = {.on_processes = on_processes, .on_memory = on_memory};

struct world {
	struct ms_supervisor s;
	struct ms_launcher launcher;
	struct ms_cgroup *groups[MANY];
	struct ms_watch *watches[MANY];
	uint32_t n;
};

/* The processes that were started; theirs end with them, and so without cgroup.kill. */
static pid_t started[4];
static uint32_t n_started;

static void kill_started(void)
{
	while (n_started) {
		const pid_t pid = started[--n_started];

		(void)kill(pid, SIGKILL); /* not waited for yet, so the number is still its own */
		CHECK_EQ(waitpid(pid, NULL, 0), pid);
	}
}

static struct ms_instance *instance(uintptr_t number)
{
	return (struct ms_instance *)(number + 1); /* never looked into */
}

/* The kernel takes a moment to let go of a dead process. */
static bool remove_soon(struct ms_cgroup *cg)
{
	for (int i = 0; i < DEADLINE_S * 100; i++) {
		if (ms_cgroup_remove(cg) == 0)
			return true;
		(void)usleep(10000); /* the condition is asked again */
	}
	return false;
}

static void world_done(struct world *w)
{
	for (uint32_t i = 0; i < w->n; i++) {
		w->watches[i] = ms_watch_free(w->watches[i]);
		ms_cgroup_kill(w->groups[i]);
	}
	kill_started();
	for (uint32_t i = 0; i < w->n; i++) {
		CHECK(remove_soon(w->groups[i]));
		w->groups[i] = ms_cgroup_free(w->groups[i]);
	}
	w->s.watches = ms_watches_free(w->s.watches);
	w->s.loop = sd_event_unref(w->s.loop);
	w->launcher.cgroups = ms_cgroups_close(w->launcher.cgroups);
}
#define WORLD __attribute__((cleanup(world_done))) struct world

static void die(const char *what)
{
	printf("%s\n", what);
	abort();
}

/* @n groups of one daemon, none of them watched. */
static void world_init(struct world *w, uint32_t n)
{
	const struct ms_cgroup_limits of = {.memory_bytes = limits[MS_LIMIT_MEMORY],
					    .cpu_pct = (uint32_t)limits[MS_LIMIT_CPU],
					    .processes = (uint32_t)limits[MS_LIMIT_PROCESSES]};
	struct ms_error err = MS_ERROR_INIT;
	uint64_t random;
	char id[17];

	memset(&told, 0, sizeof(told));
	told.least_gap = UINT64_MAX;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		die("no random bytes");
	(void)snprintf(id, sizeof(id), "%016" PRIx64, random);
	if (ms_cgroups_open(id, "", &w->launcher.cgroups, &err) < 0)
		die(err.msg);
	w->s.launcher = &w->launcher;
	if (sd_event_new(&w->s.loop) < 0 || ms_watches_new(&w->s, &w->s.watches, &err) < 0)
		die("no loop, or no watches");
	for (; w->n < n; w->n++) {
		char name[17];

		(void)snprintf(name, sizeof(name), "%016" PRIx32, w->n);
		if (ms_cgroup_make(w->launcher.cgroups, name, &of, &w->groups[w->n], &err) < 0)
			die(err.msg);
	}
}

static void watch(struct world *w, uint32_t i, bool adopted)
{
	const struct ms_watch_spec spec = {
		.cgroup = w->groups[i],
		.limits = limits,
		.ops = &ops,
		.instance = instance(i),
		.ran_usec = adopted ? 100 * SECOND : 0,
		.adopted = adopted,
	};
	struct ms_error err = MS_ERROR_INIT;

	if (ms_watch_new(&w->s, &spec, &w->watches[i], &err) < 0)
		die(err.msg);
}

/* Run the loop until @done says so or the time is over; how often it woke. */
static unsigned run(struct world *w, uint64_t usec, bool (*done)(void))
{
	const uint64_t end = now_usec() + usec;
	unsigned woken = 0;

	for (uint64_t now = now_usec(); now < end && !(done && done()); now = now_usec()) {
		int r = sd_event_run(w->s.loop, end - now);

		if (r < 0)
			die("the loop failed");
		woken += r > 0;
	}
	return woken;
}

/* -- processes in a group -- */

static void start_in(const struct ms_cgroup *cg, void (*act)(void))
{
	int joins[MS_CGROUP_MAX_TREES], n;
	pid_t pid;

	n = ms_cgroup_open_joins(cg, /* payload= */ true, joins, MS_ARRAY_LEN(joins));
	if (n <= 0)
		die("no group to join");
	pid = fork();
	if (pid == 0) {
		for (int i = 0; i < n; i++) {
			if (write(joins[i], "0", 1) != 1)
				_exit(90);
		}
		(void)alarm(DEADLINE_S * 3); /* never left behind, whatever the test does */
		act();
		_exit(0);
	}
	for (int i = 0; i < n; i++)
		(void)close(joins[i]); /* the child has its own */
	if (pid < 0 || n_started == MS_ARRAY_LEN(started))
		die("no process, or too many");
	started[n_started++] = pid;
}

/* A child of one that was started. */
static void wait_for_the_end(void)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* with its parent */
	(void)alarm(DEADLINE_S * 3);		/* as above */
	for (;;)
		(void)pause();
}

/* Forks as fast as it can, for ever; what it gets stays. */
static void act_bomb(void)
{
	for (;;) {
		pid_t pid = fork();

		if (pid == 0)
			wait_for_the_end();
		if (pid < 0)
			(void)usleep(200); /* thousands in a second are enough */
	}
}

/* Four refusals, and not one more. */
static void act_few(void)
{
	unsigned refused = 0;

	while (refused < 4) {
		pid_t pid = fork();

		if (pid == 0)
			wait_for_the_end();
		refused += pid < 0;
	}
	for (;;)
		(void)pause();
}

/* Reads more of a file than its memory holds: the kernel gives pages up, and kills nobody. */
static void act_read(void)
{
	char block[65536] = "";
	FILE *f = tmpfile();

	for (uint64_t i = 0; f && i < 3 * SMALL / sizeof(block); i++)
		(void)fwrite(block, sizeof(block), 1, f);
	for (;;)
		(void)pause();
}

static bool told_forks(void)
{
	return told.n_forks > 0;
}

static bool told_four_times(void)
{
	return told.n_forks >= 4;
}

static bool told_memory(void)
{
	return told.n_memory > 0;
}

/* -- tests -- */

TEST(a_fork_bomb_is_told_while_it_runs)
{
	NEED_ROOT;
	WORLD w = {0};
	uint64_t began, first;
	unsigned woken;

	world_init(&w, 2);
	watch(&w, 0, false);
	watch(&w, 1, false);
	start_in(w.groups[1], act_bomb);
	began = now_usec();
	(void)run(&w, DEADLINE_S * SECOND, told_forks);
	first = now_usec() - began;
	CHECK(told.n_forks == 1 && first < 2 * SECOND);
	woken = run(&w, DEADLINE_S * SECOND, told_four_times);
	CHECK_EQ(told.n_forks, 4);
	CHECK(told.least_gap >= SECOND); /* at most one a second */
	CHECK(woken <= 12);		 /* and not a wake-up for each of thousands */
	CHECK(told.refused > 100);
	CHECK_EQ(told.current, 10);
	CHECK(told.who == instance(1));
	kill_started();
	/* what no report has told is told at the end: nothing twice, nothing never */
	CHECK_EQ(told.refused + ms_watch_untold(w.watches[1], ms_cgroup_fork_failures(w.groups[1])),
		 ms_cgroup_fork_failures(w.groups[1]));
	CHECK_EQ(ms_watch_untold(NULL, 7), 7);
}

TEST(a_few_refusals_are_told_once_and_then_there_is_silence)
{
	NEED_ROOT;
	WORLD w = {0};
	unsigned woken;

	world_init(&w, 1);
	watch(&w, 0, false);
	start_in(w.groups[0], act_few);
	(void)run(&w, DEADLINE_S * SECOND, told_forks);
	(void)run(&w, 2 * SECOND, NULL);
	CHECK_EQ(told.refused, 4);
	CHECK(told.n_forks <= 2); /* those before the first look, and those after it */
	woken = run(&w, 3 * SECOND, NULL);
	CHECK(woken <= 4); /* v1: it stays above 80 % of its processes, a look each second */
	CHECK_EQ(told.refused, 4);
}

TEST(what_an_adopted_one_was_told_of_is_not_told_again)
{
	NEED_ROOT;
	WORLD w = {0};
	struct ms_watch_figures figures;

	world_init(&w, 1);
	start_in(w.groups[0], act_few);
	for (int i = 0; i < DEADLINE_S * 100 && ms_cgroup_fork_failures(w.groups[0]) < 4; i++)
		(void)usleep(10000); /* the condition is asked again */
	watch(&w, 0, true);
	(void)run(&w, 2 * SECOND, told_forks);
	CHECK_EQ(told.n_forks, 0);
	CHECK_EQ(ms_watch_untold(w.watches[0], 4), 0);
	CHECK_EQ(ms_watch_untold(w.watches[0], 6), 2);
	REQUIRE(ms_watch_figures(&w.s, instance(0), &figures));
	CHECK(figures.uptime_usec >= 100 * SECOND && figures.uptime_usec < 200 * SECOND);
	w.watches[0] = ms_watch_free(w.watches[0]);
	watch(&w, 0, false); /* of one that started just now, all of it is news */
	CHECK_EQ(told.refused, 4);
}

TEST(a_full_memory_is_told_where_nothing_is_killed)
{
	NEED_ROOT;
	WORLD w = {0};

	limits[MS_LIMIT_MEMORY] = SMALL;
	world_init(&w, 1);
	watch(&w, 0, false);
	limits[MS_LIMIT_MEMORY] = 512 * MIB; /* as for the others */
	start_in(w.groups[0], act_read);
	(void)run(&w, DEADLINE_S * SECOND, told_memory);
	CHECK_EQ(told.n_memory, 1);
	CHECK(told.hits > 0);
	CHECK(told.bytes > MIB && told.bytes <= SMALL);
}

/* All but every tenth, in their order. */
static bool is_wanted(void *data, const struct ms_instance *i)
{
	(void)data;
	return (uintptr_t)i % 10 != 0;
}

struct walked {
	uintptr_t last;
	uint32_t n;
};

static void count_one(void *data, const struct ms_instance *i, const struct ms_watch_figures *f)
{
	struct walked *walked = data;

	CHECK((uintptr_t)i > walked->last && (uintptr_t)i % 10 != 0);
	walked->last = (uintptr_t)i;
	walked->n++;
	CHECK_EQ(f->limits[MS_LIMIT_OPEN_FILES], 64);
}

/* All of them by pages of @limit; how many pages that took. */
static unsigned walk_all(struct world *w, uint32_t limit, struct walked *walked)
{
	struct ms_watch_walk walk = {
		.limit = limit, .is_wanted = is_wanted, .show = count_one, .data = walked};
	unsigned pages = 0;

	*walked = (struct walked){0};
	do {
		walk.after = ms_watch_each(&w->s, &walk);
		pages++;
	} while (walk.after && pages < 1000);
	return pages;
}

TEST(many_idle_ones_cost_less_than_a_wakeup_a_second)
{
	NEED_ROOT;
	WORLD w = {0};
	struct ms_watch_figures figures;
	struct walked walked;
	unsigned woken;

	world_init(&w, MANY);
	CHECK_EQ(run(&w, SECOND, NULL), 0); /* with none: nothing at all */
	for (uint32_t i = 0; i < MANY; i++)
		watch(&w, i, false);
	woken = run(&w, 6 * SECOND, NULL);
	printf("%u idle ones: %u wake-ups in 6 s\n", MANY, woken);
	CHECK(woken >= 2 && woken < 6);
	CHECK_EQ(told.n_forks + told.n_memory, 0);
	CHECK_EQ(walk_all(&w, 30, &walked), 9);
	CHECK_EQ(walked.n, MANY - MANY / 10);
	CHECK(ms_watch_figures(&w.s, instance(3), &figures));
	CHECK_EQ(figures.now.processes, 0);
	w.watches[3] = ms_watch_free(w.watches[3]);
	CHECK(!ms_watch_figures(&w.s, instance(3), &figures));
	/* as long as somebody asked a short while ago, figures are read ahead; then no more */
	woken = run(&w, 2 * SECOND, NULL);
	CHECK(woken > 10);
	(void)run(&w, 4 * SECOND, NULL);
	woken = run(&w, 3 * SECOND, NULL);
	CHECK(woken < 4);
	/* more than are read at once: a shorter page at first, all of them within a second */
	CHECK_EQ(walk_all(&w, 1000, &walked), 2);
	CHECK_EQ(walked.n, MANY - 1 - MANY / 10);
	(void)run(&w, SECOND, NULL);
	CHECK_EQ(walk_all(&w, 1000, &walked), 1);
	CHECK_EQ(walked.n, MANY - 1 - MANY / 10);
}
