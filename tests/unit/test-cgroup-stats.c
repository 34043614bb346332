/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-cgroup-stats.c - what the kernel counts about the groups of an instance, against what is
 * known of the load in them. Needs root, but for the files of kernels as texts.
 */
#include "supervisor/daemon/layer/cgroup-stats.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>

#include "lib/fs.h"
#include "tests/unit/cgroup-fixture.h"

static void act_fork(void)
{
	unsigned failed = 0;

	for (int i = 0; i < 8; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			(void)usleep(20000); /* so that they are there at the same time */
			_exit(0);
		}
		failed += pid < 0 && errno == EAGAIN;
	}
	while (wait(NULL) > 0)
		;
	_exit(failed ? 0 : 93);
}

static void act_spin(void)
{
	struct timespec used = {0};

	while (!used.tv_sec && used.tv_nsec < 100 * 1000 * 1000)
		(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
}

/* Until it is killed: one process of its own, 8 MB touched, a quota that is too small. */
static void act_load(void)
{
	const size_t len = 8 * MIB;
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)alarm(DEADLINE_S); /* never left behind, whatever the test does */
	for (size_t i = 0; p != MAP_FAILED && i < len; i += 4096)
		((volatile char *)p)[i] = 1;
	if (fork() == 0)
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* where there is no cgroup.kill */
	for (;;)
		;
}

TEST(out_of_memory)
{
	NEED_ROOT;
	const struct ms_cgroup_limits small = {
		.memory_bytes = 16 * MIB, .cpu_pct = 100, .processes = 20};
	DAEMON d = daemon_new(&small);
	struct ms_cgroup_memory memory = {0};
	struct pollfd wait = {0};
	uint32_t events = 0;
	int status;

	REQUIRE(d.cgroup);
	wait.fd = ms_cgroup_watch_memory(d.cgroup, &events);
	REQUIRE(wait.fd >= 0);
	CHECK(events == EPOLLPRI || events == EPOLLIN);
	wait.events = events == EPOLLPRI ? POLLPRI : POLLIN;
	CHECK_EQ(ms_cgroup_memory(d.cgroup, &memory), 0);
	CHECK_EQ(memory.oom_kills, 0);
	CHECK_EQ(memory.limit_hits, 0);
	status = end_of(start_in(d.cgroup, true, act_allocate));
	CHECK_EQ(status, SIGKILL);
	CHECK_EQ(poll(&wait, 1, DEADLINE_S * 1000), 1);
	CHECK(wait.revents & wait.events);
	CHECK_EQ(ms_cgroup_memory(d.cgroup, &memory), 0);
	CHECK(memory.oom_kills >= 1); /* v2 counts a group's first victim twice */
	CHECK(memory.limit_hits > 0);
	CHECK(!memory.by_host);
	CHECK(memory.peak_bytes == 0 ||
	      (memory.peak_bytes > 8 * MIB && memory.peak_bytes <= 17 * MIB));
	CHECK_EQ(remove_soon(d.cgroup), 0);
}

/* The group above all instances is full: no fault of the one that dies for it. */
TEST(out_of_memory_further_up)
{
	NEED_ROOT;
	DAEMON d = daemon_new(&plain);
	struct ms_cgroup_memory memory = {0};
	const struct ms_cgroup_tree *t;

	REQUIRE(d.cgroup);
	t = tree_with(d.cgroups, MS_CGROUP_MEMORY);
	REQUIRE(t);
	REQUIRE(ms_fs_write_at(t->modules, t->v2 ? "memory.max" : "memory.limit_in_bytes",
			       "16777216", 8) == 0);
	if (t->v2)
		MS_IGNORE(
			ms_fs_write_at(t->modules, "memory.swap.max", "0", 1)); /* no swap at all */
	CHECK_EQ(end_of(start_in(d.cgroup, true, act_allocate)), SIGKILL);
	CHECK_EQ(ms_cgroup_memory(d.cgroup, &memory), 0);
	CHECK(memory.oom_kills >= 1); /* v2 counts a group's first victim twice */
	CHECK_EQ(memory.limit_hits, 0);
	CHECK(memory.by_host);
	CHECK_EQ(remove_soon(d.cgroup), 0);
}

TEST(below_the_memory_limit)
{
	NEED_ROOT;
	const struct ms_cgroup_limits large = {
		.memory_bytes = 256 * MIB, .cpu_pct = 100, .processes = 20};
	DAEMON d = daemon_new(&large);
	struct ms_cgroup_memory memory = {0};

	REQUIRE(d.cgroup);
	CHECK_EQ(end_of(start_in(d.cgroup, true, act_allocate)), 0);
	CHECK_EQ(ms_cgroup_memory(d.cgroup, &memory), 0);
	CHECK_EQ(memory.oom_kills, 0);
	CHECK_EQ(memory.limit_hits, 0);
	CHECK(memory.peak_bytes == 0 || memory.peak_bytes >= 64 * MIB);
}

TEST(forks_are_refused_and_counted)
{
	NEED_ROOT;
	const struct ms_cgroup_limits few = {
		.memory_bytes = 64 * MIB, .cpu_pct = 100, .processes = 3};
	DAEMON d = daemon_new(&few);

	REQUIRE(d.cgroup);
	CHECK_EQ(ms_cgroup_fork_failures(d.cgroup), 0);
	CHECK_EQ(end_of(start_in(d.cgroup, true, act_fork)), 0);
	CHECK(ms_cgroup_fork_failures(d.cgroup) >= 1);
	CHECK(ms_cgroup_fork_failures(d.cgroup) <= 8);
}

TEST(cpu_time_is_counted)
{
	NEED_ROOT;
	const struct ms_cgroup_limits whole = {
		.memory_bytes = 64 * MIB, .cpu_pct = 100, .processes = 3};
	DAEMON d = daemon_new(&whole);
	uint64_t used;

	REQUIRE(d.cgroup);
	CHECK_EQ(end_of(start_in(d.cgroup, true, act_spin)), 0);
	used = ms_cgroup_cpu_usec(d.cgroup);
	CHECK(used >= 90000 && used < 2000000);
	/* the shim's own time is not the module's */
	CHECK_EQ(end_of(start_in(d.cgroup, false, act_spin)), 0);
	CHECK(ms_cgroup_cpu_usec(d.cgroup) < used + 50000);
}

/* Every figure at once, against what is known of the load. */
TEST(figures_of_a_group)
{
	NEED_ROOT;
	const struct ms_cgroup_limits tight = {
		.memory_bytes = 64 * MIB, .cpu_pct = 10, .processes = 2};
	DAEMON d = daemon_new(&tight);
	const struct ms_cgroup_tree *t;
	struct ms_cgroup_stats s = {.processes = 77}, more;
	pid_t pid;

	REQUIRE(d.cgroup);
	t = tree_with(d.cgroups, MS_CGROUP_CPU);
	REQUIRE(t);
	if (!t->v2) /* what the arithmetic of windows takes for granted */
		CHECK_EQ(strtoull(text_of(t, "payload/cpu.cfs_period_us"), NULL, 10),
			 MS_CGROUP_PERIOD_USEC);
	ms_cgroup_stats(d.cgroup, MS_CGROUP_READ_CPU, &s);
	CHECK_EQ(s.processes, 77); /* not asked for */
	ms_cgroup_stats(d.cgroup, MS_CGROUP_READ_ALL, &s);
	CHECK_EQ(s.processes, 0);
	CHECK_EQ(s.cpu_usec, 0);
	pid = start_in(d.cgroup, true, act_load);
	for (int i = 0; i < DEADLINE_S * 20 && (s.throttled < 5 || s.processes < 2); i++) {
		(void)usleep(50000); /* the condition is asked again */
		ms_cgroup_stats(d.cgroup, MS_CGROUP_READ_ALL, &s);
	}
	CHECK(s.throttled >= 5 && s.periods >= s.throttled);
	CHECK(s.throttled_usec > 50000);
	CHECK(s.cpu_usec > 20000 && s.cpu_usec < DEADLINE_S * 1000000ull);
	CHECK(s.memory_bytes >= 8 * MIB && s.memory_bytes <= s.memory_peak_bytes);
	CHECK(s.memory_peak_bytes < 64 * MIB);
	CHECK_EQ(s.memory_hits, 0);
	CHECK_EQ(s.oom_kills, 0);
	CHECK_EQ(s.processes, 2);
	CHECK_EQ(s.refused_forks, 0);
	(void)usleep(250000); /* the length of a measurement */
	ms_cgroup_stats(d.cgroup, MS_CGROUP_READ_ALL, &more);
	CHECK(more.cpu_usec > s.cpu_usec && more.throttled > s.throttled);
	CHECK(more.throttled_usec > s.throttled_usec);
	ms_cgroup_kill(d.cgroup);
	(void)kill(pid, SIGKILL); /* where there is no cgroup.kill */
	CHECK_EQ(end_of(pid), SIGKILL);
	CHECK_EQ(remove_soon(d.cgroup), 0);
}

TEST(refused_forks_wake_or_are_found_by_the_total)
{
	NEED_ROOT;
	const struct ms_cgroup_limits few = {
		.memory_bytes = 64 * MIB, .cpu_pct = 100, .processes = 3};
	DAEMON d = daemon_new(&few);
	ms_auto_fd int fd = -EBADF, total = -EBADF;
	uint64_t refused = 0;
	struct pollfd wait;
	pid_t pid;

	REQUIRE(d.cgroup);
	fd = ms_cgroup_open_forks(d.cgroup);
	total = ms_cgroups_open_processes(d.cgroups);
	CHECK((fd >= 0) != (total >= 0)); /* one of the two, whatever the host */
	if (total >= 0) {
		CHECK_EQ(ms_cgroups_read_processes(total), 0);
		pid = start_in(d.cgroup, true, act_wait);
		CHECK_EQ(ms_cgroups_read_processes(total), 1);
		CHECK_EQ(kill(pid, SIGKILL), 0);
		CHECK_EQ(end_of(pid), SIGKILL);
	}
	if (fd < 0)
		return;
	wait = (struct pollfd){.fd = fd, .events = POLLPRI};
	CHECK(ms_cgroup_read_forks(fd, &refused) && refused == 0);
	CHECK_EQ(poll(&wait, 1, 0), 0);
	CHECK_EQ(end_of(start_in(d.cgroup, true, act_fork)), 0);
	CHECK_EQ(poll(&wait, 1, DEADLINE_S * 1000), 1);
	CHECK(ms_cgroup_read_forks(fd, &refused) && refused > 0);
}

/* The files as kernels write them, and as none should. */
TEST(numbers_in_files)
{
	static const struct {
		const char *text, *key;
		bool found;
		uint64_t want;
	} cases[] = {
		{"usage_usec 12\nnr_periods 3\nnr_throttled 2\n", "usage_usec", true, 12},
		{"usage_usec 12\nnr_periods 3\nnr_throttled 2\n", "nr_throttled", true, 2},
		{"usage_usec 12\nnr_periods 3\nnr_throttled 2", "nr_throttled", true, 2},
		{"nr_throttled 2\nnr_throttled_more 3\n", "nr_throttled_more", true, 3},
		{"low 0\nmax 18446744073709551615\n", "max", true, UINT64_MAX},
		{"oom 0\noom_kill 4\n", "oom", true, 0},
		{"oom_kill 4\n", "oom", false, 0},
		{"room 4\n", "oom", false, 0},
		{"oom -4\n", "oom", false, 0},
		{"oom \n", "oom", false, 0},
		{"oom", "oom", false, 0},
		{"max 18446744073709551616\n", "max", false, 0},
		{"", "max", false, 0},
		{"67108864\n", NULL, true, 67108864},
		{"67108864", NULL, true, 67108864},
		{"max\n", NULL, false, 0},
		{"\n", NULL, false, 0},
		{"", NULL, false, 0},
	};

	for (size_t i = 0; i < MS_ARRAY_LEN(cases); i++) {
		const struct ms_str text = {.p = cases[i].text, .len = strlen(cases[i].text)};
		uint64_t got = 0;

		if (ms_cgroup_number(text, cases[i].key, &got) != cases[i].found ||
		    got != cases[i].want) {
			test_failures++;
			printf("case %zu: got %llu\n", i, (unsigned long long)got);
		}
	}
}
