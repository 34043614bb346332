/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-cgroup.c - the groups of an instance on this host's own hierarchies, of whatever form: what
 * is written to them, who is in them, what they count, and that nothing is left. A random daemon id
 * names everything that is made here. Needs root.
 */
#include "supervisor/daemon/layer/cgroup.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "supervisor/daemon/layer/cgroup-find.h"
#include "supervisor/daemon/layer/cgroup-stats.h"
#include "tests/unit/test.h"

#define NAME	   "0123456789abcdef"
#define DEADLINE_S 20
#define MIB	   (UINT64_C(1) << 20)
#define NEED_ROOT                                                                                  \
	if (geteuid() != 0)                                                                        \
	TEST_SKIP("needs root")

static const struct ms_cgroup_limits plain = {
	.memory_bytes = 64 * MIB, .cpu_pct = 50, .processes = 20};

struct daemon {
	char id[17];
	struct ms_cgroups *cgroups;
	struct ms_cgroup *cgroup;
};

static struct ms_cgroups *open_as(const char *id)
{
	struct ms_error err = MS_ERROR_INIT;
	struct ms_cgroups *c = NULL;

	if (ms_cgroups_open(id, "", &c, &err) < 0) {
		test_failures++;
		printf("%s\n", err.msg);
	}
	return c;
}

static struct ms_cgroup *make(struct ms_cgroups *c, const struct ms_cgroup_limits *limits)
{
	struct ms_error err = MS_ERROR_INIT;
	struct ms_cgroup *cg = NULL;

	if (ms_cgroup_make(c, NAME, limits, &cg, &err) < 0) {
		test_failures++;
		printf("%s\n", err.msg);
	}
	return cg;
}

static struct daemon daemon_new(const struct ms_cgroup_limits *limits)
{
	struct daemon d = {0};
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		abort();
	(void)snprintf(d.id, sizeof(d.id), "%016" PRIx64, random);
	d.cgroups = open_as(d.id);
	if (d.cgroups && limits)
		d.cgroup = make(d.cgroups, limits);
	return d;
}

/* The path of @file of a tree's instance, or of the base with file NULL. */
static const char *path_in(const struct ms_cgroup_tree *t, const char *file)
{
	static char path[3 * PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s%s%s%s", t->mount, t->base,
		       file ? "/modules/" NAME "/" : "", file ? file : "");
	return path;
}

/* Closed and looked for: nothing with this id is left in any tree. */
static void daemon_done(struct daemon *d)
{
	ms_auto_free struct ms_cgroup_tree *trees = NULL;
	uint32_t n = 0;

	d->cgroup = ms_cgroup_free(d->cgroup);
	if (!d->cgroups)
		return;
	n = d->cgroups->n_trees;
	trees = calloc(n, sizeof(*trees));
	if (!trees)
		abort();
	memcpy(trees, d->cgroups->trees, n * sizeof(*trees));
	d->cgroups = ms_cgroups_close(d->cgroups);
	for (uint32_t i = 0; i < n; i++)
		CHECK(access(path_in(&trees[i], NULL), F_OK) < 0);
}
#define DAEMON __attribute__((cleanup(daemon_done))) struct daemon

static const struct ms_cgroup_tree *tree_with(const struct ms_cgroups *c, enum ms_controller what)
{
	for (uint32_t i = 0; i < c->n_trees; i++) {
		if (c->trees[i].has[what])
			return &c->trees[i];
	}
	return NULL;
}

static const char *text_of(const struct ms_cgroup_tree *t, const char *file)
{
	static char text[4096];
	ms_auto_fd int fd = open(path_in(t, file), O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		return "(none)";
	text[n] = '\0';
	return text;
}

static bool is_member(const struct ms_cgroup_tree *t, const char *group, pid_t pid)
{
	char file[64], line[16];
	FILE *f;
	bool found = false;

	(void)snprintf(file, sizeof(file), "%s/cgroup.procs", group);
	f = fopen(path_in(t, file), "re");
	while (f && fgets(line, sizeof(line), f))
		found |= strtol(line, NULL, 10) == pid;
	if (f)
		(void)fclose(f); /* only read */
	return found;
}

/* ---- processes in a group ---- */

/* A child that has joined @payload or the shim's group and then does @act; it says when it is in.
 */
static pid_t start_in(const struct ms_cgroup *cg, bool payload, void (*act)(void))
{
	int joins[MS_CGROUP_MAX_TREES], ready[2], n;
	char byte;
	pid_t pid;

	n = ms_cgroup_open_joins(cg, payload, joins, MS_ARRAY_LEN(joins));
	if (n <= 0 || pipe2(ready, O_CLOEXEC) < 0)
		abort();
	pid = fork();
	if (pid == 0) {
		for (int i = 0; i < n; i++) {
			if (write(joins[i], "0", 1) != 1)
				_exit(90);
		}
		if (write(ready[1], "x", 1) != 1)
			_exit(91);
		act();
		_exit(0);
	}
	for (int i = 0; i < n; i++)
		(void)close(joins[i]); /* the child has its own */
	(void)close(ready[1]);	       /* the child's */
	CHECK(pid > 0 && read(ready[0], &byte, 1) == 1);
	(void)close(ready[0]); /* read */
	return pid;
}

static int end_of(pid_t pid)
{
	int status = -1;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return status;
}

static void act_wait(void)
{
	(void)alarm(DEADLINE_S); /* never left behind, whatever the test does */
	(void)pause();		 /* until it is killed */
}

static void act_allocate(void)
{
	const size_t len = 64 * MIB;
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		_exit(92);
	(void)alarm(DEADLINE_S); /* an OOM that does not kill would hang */
	for (size_t i = 0; i < len; i += 4096)
		((volatile char *)p)[i] = 1;
}

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

/* The kernel takes a moment to let go of a dead process. */
static int remove_soon(struct ms_cgroup *cg)
{
	int r = -EBUSY;

	for (int i = 0; i < DEADLINE_S * 100 && r < 0; i++) {
		r = ms_cgroup_remove(cg);
		if (r < 0)
			(void)usleep(10000); /* the condition is asked again */
	}
	return r;
}

/* ---- tests ---- */

TEST(what_is_found)
{
	NEED_ROOT;
	DAEMON d = daemon_new(NULL);
	bool v2_only = true;

	REQUIRE(d.cgroups);
	CHECK(d.cgroups->n_trees > 0);
	for (uint32_t i = 0; i < d.cgroups->n_trees; i++) {
		const struct ms_cgroup_tree *t = &d.cgroups->trees[i];

		CHECK(strstr(t->base, d.id));
		CHECK(access(path_in(t, NULL), F_OK) == 0);
		v2_only &= t->v2;
	}
	CHECK_EQ(ms_cgroups_v2_only(d.cgroups), v2_only);
	CHECK_EQ(strcmp(ms_cgroups_mode(d.cgroups), "v2") == 0, v2_only);
	for (int i = 0; i < MS_CONTROLLER_COUNT; i++)
		CHECK_EQ(ms_cgroups_has(d.cgroups, (enum ms_controller)i),
			 tree_with(d.cgroups, (enum ms_controller)i) != NULL);
	CHECK_STR(ms_controller_word(MS_CGROUP_PIDS), "pids");
	CHECK_STR(ms_controller_word(MS_CONTROLLER_COUNT), "");
	CHECK(ms_cgroups_close(NULL) == NULL);
	CHECK(ms_cgroup_free(NULL) == NULL);
}

TEST(limits_are_written)
{
	NEED_ROOT;
	DAEMON d = daemon_new(&plain);
	const struct ms_cgroup_tree *t;

	REQUIRE(d.cgroup);
	t = tree_with(d.cgroups, MS_CGROUP_MEMORY);
	REQUIRE(t);
	CHECK_STR(text_of(t, t->v2 ? "memory.max" : "memory.limit_in_bytes"), "67108864\n");
	if (t->v2) {
		CHECK_STR(text_of(t, "payload/memory.oom.group"), "1\n");
	} else if (access(path_in(t, "memory.memsw.limit_in_bytes"), F_OK) == 0) {
		CHECK_EQ(strtoull(text_of(t, "memory.memsw.limit_in_bytes"), NULL, 10),
			 plain.memory_bytes + (uint64_t)sysconf(_SC_PAGESIZE));
	}
	if (!t->v2 && access(path_in(t, "payload/memory.kmem.tcp.limit_in_bytes"), F_OK) == 0)
		CHECK_STR(text_of(t, "payload/memory.kmem.tcp.limit_in_bytes"), "16777216\n");
	t = tree_with(d.cgroups, MS_CGROUP_CPU);
	REQUIRE(t);
	CHECK_STR(text_of(t, t->v2 ? "payload/cpu.max" : "payload/cpu.cfs_quota_us"),
		  t->v2 ? "50000 100000\n" : "50000\n");
	CHECK_STR(text_of(t, t->v2 ? "shim/cpu.max" : "shim/cpu.cfs_quota_us"),
		  t->v2 ? "20000 100000\n" : "20000\n");
	t = tree_with(d.cgroups, MS_CGROUP_PIDS);
	REQUIRE(t);
	CHECK_STR(text_of(t, "payload/pids.max"), "20\n");
	CHECK_STR(text_of(t, "shim/pids.max"), "max\n");
	CHECK_EQ(ms_cgroup_remove(d.cgroup), 0);
	CHECK(access(path_in(t, ""), F_OK) < 0);
	CHECK_EQ(ms_cgroup_remove(d.cgroup), 0); /* twice is fine */
}

TEST(a_name_that_is_taken)
{
	NEED_ROOT;
	DAEMON d = daemon_new(&plain);
	struct ms_error err = MS_ERROR_INIT;
	struct ms_cgroup *other = NULL;

	REQUIRE(d.cgroup);
	CHECK_EQ(ms_cgroup_make(d.cgroups, NAME, &plain, &other, &err), -EEXIST);
	CHECK(!other && err.msg[0]);
	/* whose it is keeps it */
	for (uint32_t i = 0; i < d.cgroups->n_trees; i++)
		CHECK(access(path_in(&d.cgroups->trees[i], "payload"), F_OK) == 0);
}

TEST(a_limit_that_the_kernel_refuses)
{
	NEED_ROOT;
	DAEMON d = daemon_new(NULL);
	const struct ms_cgroup_limits bad = {
		.memory_bytes = 64 * MIB, .cpu_pct = 0, .processes = 20};
	struct ms_error err = MS_ERROR_INIT;
	struct ms_cgroup *cg = NULL;

	REQUIRE(d.cgroups);
	CHECK_EQ(ms_cgroup_make(d.cgroups, NAME, &bad, &cg, &err), -EINVAL);
	CHECK(!cg && strstr(err.msg, "cpu"));
	for (uint32_t i = 0; i < d.cgroups->n_trees; i++)
		CHECK(access(path_in(&d.cgroups->trees[i], ""), F_OK) < 0);
}

TEST(join_kill_remove)
{
	NEED_ROOT;
	DAEMON d = daemon_new(&plain);
	pid_t module, shim;
	bool v2 = false;

	REQUIRE(d.cgroup);
	module = start_in(d.cgroup, true, act_wait);
	shim = start_in(d.cgroup, false, act_wait);
	for (uint32_t i = 0; i < d.cgroups->n_trees; i++) {
		const struct ms_cgroup_tree *t = &d.cgroups->trees[i];

		CHECK(is_member(t, "payload", module) && !is_member(t, "payload", shim));
		CHECK(is_member(t, "shim", shim) && !is_member(t, "shim", module));
		v2 |= t->v2;
	}
	CHECK_EQ(ms_cgroup_remove(d.cgroup), -EBUSY);
	CHECK_EQ(ms_cgroup_remove(d.cgroup), -EBUSY);
	ms_cgroup_kill(d.cgroup);
	if (!v2) { /* no cgroup.kill: the pidfd of the shim does it in the product */
		CHECK_EQ(kill(module, SIGKILL), 0);
		CHECK_EQ(kill(shim, SIGKILL), 0);
	}
	CHECK_EQ(end_of(module), SIGKILL);
	CHECK_EQ(end_of(shim), SIGKILL);
	CHECK_EQ(remove_soon(d.cgroup), 0);
	for (uint32_t i = 0; i < d.cgroups->n_trees; i++)
		CHECK(access(path_in(&d.cgroups->trees[i], ""), F_OK) < 0);
}

/* What the shim gets: it ends the module's processes and not itself. */
TEST(the_kill_file_of_the_payload)
{
	NEED_ROOT;
	DAEMON d = daemon_new(&plain);
	ms_auto_fd int fd = -EBADF;
	pid_t module, shim;

	REQUIRE(d.cgroup);
	fd = ms_cgroup_open_kill(d.cgroup);
	if (fd == -ENOENT)
		TEST_SKIP("no v2 hierarchy here");
	REQUIRE(fd >= 0);
	module = start_in(d.cgroup, true, act_wait);
	shim = start_in(d.cgroup, false, act_wait);
	CHECK_EQ(write(fd, "1", 1), 1);
	CHECK_EQ(end_of(module), SIGKILL);
	CHECK_EQ(waitpid(shim, NULL, WNOHANG), 0);
	CHECK_EQ(kill(shim, SIGKILL), 0);
	CHECK_EQ(end_of(shim), SIGKILL);
}

TEST(too_little_room_for_joins)
{
	NEED_ROOT;
	DAEMON d = daemon_new(&plain);
	int joins[MS_CGROUP_MAX_TREES], before, after, n;

	REQUIRE(d.cgroup);
	before = open("/dev/null", O_RDONLY | O_CLOEXEC);
	(void)close(before);
	n = ms_cgroup_open_joins(d.cgroup, true, joins, d.cgroups->n_trees);
	CHECK_EQ(n, d.cgroups->n_trees);
	for (int i = 0; i < n; i++) {
		CHECK_EQ(fcntl(joins[i], F_GETFD), FD_CLOEXEC);
		(void)close(joins[i]); /* only looked at */
	}
	CHECK_EQ(ms_cgroup_open_joins(d.cgroup, true, joins, d.cgroups->n_trees - 1), -E2BIG);
	after = open("/dev/null", O_RDONLY | O_CLOEXEC);
	(void)close(after);
	CHECK_EQ(after, before);
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
	CHECK_EQ(memory.oom_kills, 1);
	CHECK(memory.limit_hits > 0);
	CHECK(!memory.by_host);
	CHECK(memory.peak_bytes == 0 ||
	      (memory.peak_bytes > 8 * MIB && memory.peak_bytes <= 17 * MIB));
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

/* Until it is killed: one process of its own, 8 MB touched, a quota that is too small. */
static void act_load(void)
{
	const size_t len = 8 * MIB;
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)alarm(DEADLINE_S); /* never left behind, whatever the test does */
	for (size_t i = 0; p != MAP_FAILED && i < len; i += 4096)
		((volatile char *)p)[i] = 1;
	(void)fork(); /* two, then; refused is as good as counted below */
	for (;;)
		;
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
	for (int i = 0; i < DEADLINE_S * 20 && s.throttled < 5; i++) {
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
	(void)kill(pid, SIGKILL); /* where there is no cgroup.kill; its child has its alarm */
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

static bool knows_nobody(void *data, const char *name)
{
	(void)data;
	(void)name;
	return false;
}

static bool knows_all(void *data, const char *name)
{
	(void)data;
	return strcmp(name, NAME) == 0;
}

/* A daemon that died with a module running: the next of the same id keeps what it knows, and ends
 * the rest. */
TEST(leftovers_of_a_dead_daemon)
{
	NEED_ROOT;
	DAEMON d = daemon_new(NULL);
	struct pollfd gone;
	int alive[2], status;
	pid_t pid;

	REQUIRE(d.cgroups);
	d.cgroups = ms_cgroups_close(d.cgroups);
	REQUIRE(pipe2(alive, O_CLOEXEC) == 0);
	pid = fork();
	if (pid == 0) {
		struct ms_cgroups *c = open_as(d.id);
		struct ms_cgroup *cg = c ? make(c, &plain) : NULL;

		(void)close(alive[0]); /* the test's */
		if (!cg)
			_exit(1);
		(void)start_in(cg, true, act_wait);
		_exit(0); /* without a word to anybody; the module holds the pipe open */
	}
	(void)close(alive[1]); /* the module's */
	REQUIRE(pid > 0 && waitpid(pid, &status, 0) == pid);
	CHECK_EQ(status, 0);
	gone = (struct pollfd){.fd = alive[0], .events = POLLIN};
	CHECK_EQ(poll(&gone, 1, 0), 0); /* it runs */
	d.cgroups = open_as(d.id);
	REQUIRE(d.cgroups);
	ms_cgroups_sweep(d.cgroups, knows_all, NULL);
	d.cgroups = ms_cgroups_close(d.cgroups);
	CHECK_EQ(poll(&gone, 1, 0), 0); /* it still runs, its groups are there */
	d.cgroups = open_as(d.id);
	REQUIRE(d.cgroups);
	ms_cgroups_sweep(d.cgroups, knows_nobody, NULL);
	CHECK_EQ(poll(&gone, 1, DEADLINE_S * 1000), 1);
	CHECK(gone.revents & POLLHUP);
	(void)close(alive[0]); /* seen */
	for (uint32_t i = 0; i < d.cgroups->n_trees; i++)
		CHECK(access(path_in(&d.cgroups->trees[i], ""), F_OK) < 0);
	d.cgroup = make(d.cgroups, &plain);
	CHECK(d.cgroup);
}
