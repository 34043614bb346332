/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-cgroup.c - the groups of an instance on this host's own hierarchies, of whatever form: what
 * is written to them, who is in them, what they count, and that nothing is left. A random daemon id
 * names everything that is made here. Needs root.
 */
#include "supervisor/daemon/layer/cgroup.h"

#include <poll.h>
#include <sys/stat.h>

#include "tests/unit/cgroup-fixture.h"

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
