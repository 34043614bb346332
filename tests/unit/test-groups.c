/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-groups.c - the list of the modules' groups: what is written is read, what is no group of
 * ours is refused; and real processes in real groups, counted and ended. The last part needs root.
 */
#include "lib/groups.h"

#include <signal.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/fs.h"
#include "tests/unit/scratch.h"

#define V1 "/sys/fs/cgroup/memory/modsup-0123456789abcdef/modules"
#define V2 "/sys/fs/cgroup/unified/a.slice/modsup-0123456789abcdef/modules"

TEST(what_is_written_is_read)
{
	ms_auto(buf) struct ms_buf text = MS_BUF_INIT(MS_GROUPS_MAX_BYTES);
	ms_auto(groups) struct ms_groups got = MS_GROUPS_INIT;
	struct ms_error err = MS_ERROR_INIT;

	ms_groups_begin(&text, "/var/lib/modsup");
	ms_groups_add(&text, V1, false);
	ms_groups_add(&text, "/bad\nline/modsup-0123456789abcdef/modules", false);
	ms_groups_add(&text, V2, true);
	REQUIRE(ms_groups_parse(text.data, text.len, &got, &err) == 0);
	CHECK_STR(got.state, "/var/lib/modsup");
	REQUIRE(got.n == 2);
	CHECK_STR(got.groups[0].path, V1);
	CHECK(!got.groups[0].v2);
	CHECK_STR(got.groups[1].path, V2);
	CHECK(got.groups[1].v2);
}

TEST(what_is_no_list_of_our_groups_is_refused)
{
	static const char *const bad[] = {
		"",
		"modsup-groups 1",
		"modsup-groups 2\n",
		"modsup-groups 1\nv1 " V1,
		"modsup-groups 1\nv3 " V1 "\n",
		"modsup-groups 1\n\n",
		"modsup-groups 1\nv1 /sys/fs/cgroup/memory\n",
		"modsup-groups 1\nv1 /sys/fs/cgroup/memory/modsup-0123456789abcdef\n",
		"modsup-groups 1\nv1 /sys/fs/cgroup/memory/modsup-0123456789abcdeX/modules\n",
		"modsup-groups 1\nv1 /sys/fs/cgroup/memory/modsup-0123456789abcdef/modules/x\n",
		"modsup-groups 1\nv1 sys/modsup-0123456789abcdef/modules\n",
		"modsup-groups 1\nv1 /a/../modsup-0123456789abcdef/modules\n",
		"modsup-groups 1\nstate relative\n",
		"modsup-groups 1\nstate /a\nstate /b\n",
	};
	struct ms_error err = MS_ERROR_INIT;
	char nul[] = "modsup-groups 1\nstate /a\n";

	for (size_t i = 0; i < MS_ARRAY_LEN(bad); i++) {
		struct ms_groups got = MS_GROUPS_INIT;

		if (ms_groups_parse(bad[i], strlen(bad[i]), &got, &err) == 0) {
			test_failures++;
			printf("accepted: %s\n", bad[i]);
			ms_groups_done(&got);
		}
		CHECK_EQ(got.n, 0);
	}
	nul[20] = '\0';
	CHECK_EQ(ms_groups_parse(nul, sizeof(nul) - 1, &(struct ms_groups){0}, &err), -EBADMSG);
}

TEST(no_more_groups_than_there_is_room_for)
{
	for (uint32_t n = MS_GROUPS_MAX; n <= MS_GROUPS_MAX + 1; n++) {
		ms_auto(buf) struct ms_buf text = MS_BUF_INIT(MS_GROUPS_MAX_BYTES);
		ms_auto(groups) struct ms_groups got = MS_GROUPS_INIT;
		struct ms_error err = MS_ERROR_INIT;

		ms_groups_begin(&text, "/s");
		for (uint32_t i = 0; i < n; i++)
			ms_groups_add(&text, V1, false);
		CHECK_EQ(ms_groups_parse(text.data, text.len, &got, &err),
			 n == MS_GROUPS_MAX ? 0 : -EBADMSG);
	}
}

TEST(a_file_that_others_can_write_is_refused)
{
	__attribute__((cleanup(scratch_done))) struct scratch s = scratch_new();
	ms_auto(buf) struct ms_buf text = MS_BUF_INIT(MS_GROUPS_MAX_BYTES);
	ms_auto(groups) struct ms_groups got = MS_GROUPS_INIT;
	struct ms_error err = MS_ERROR_INIT;

	CHECK_EQ(ms_groups_load(s.fd, &got, &err), MS_GROUPS_NONE);
	ms_groups_begin(&text, "/s");
	ms_groups_add(&text, V1, false);
	REQUIRE(ms_groups_save(s.fd, &text, &err) == 0);
	REQUIRE(ms_groups_load(s.fd, &got, &err) ==
		0); /* the group is not there: nobody is in it */
	CHECK_EQ(got.n, 1);
	CHECK_EQ(got.groups[0].dir, -EBADF);
	CHECK(ms_groups_empty(&got));
	ms_groups_kill(&got);
	ms_groups_done(&got);
	CHECK_EQ(fchmodat(s.fd, MS_GROUPS_NAME, 0666, 0), 0);
	CHECK_EQ(ms_groups_load(s.fd, &got, &err), -EPERM);
	CHECK_EQ(unlinkat(s.fd, MS_GROUPS_NAME, 0), 0);
	CHECK_EQ(symlinkat("/etc/passwd", s.fd, MS_GROUPS_NAME), 0);
	CHECK_EQ(ms_groups_load(s.fd, &got, &err), -ELOOP);
}

/* -- real ones -- */

/* A hierarchy of this host to make groups in, of either kind; NULL: none. */
static const char *tree(bool v2)
{
	static const char *const candidates[2][3] = {
		{"/sys/fs/cgroup/pids", "/sys/fs/cgroup/memory", NULL},
		{"/sys/fs/cgroup/unified", "/sys/fs/cgroup", NULL}};

	for (const char *const *p = candidates[v2]; *p; p++) {
		char path[128];

		(void)snprintf(path, sizeof(path), "%s/cgroup.procs", *p);
		if (access(path, W_OK) == 0)
			return *p;
	}
	return NULL;
}

struct fixture {
	char base[128], modules[160];
	pid_t pids[4];
	struct ms_groups groups;
};

static void make_dir(const char *base, const char *below)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s%s", base, below);
	CHECK_EQ(mkdir(path, 0755), 0);
}

static void put(const struct fixture *f, const char *group, pid_t pid)
{
	char path[256], text[16];

	(void)snprintf(path, sizeof(path), "%s/%s/cgroup.procs", f->modules, group);
	(void)snprintf(text, sizeof(text), "%d", pid);
	CHECK_EQ(ms_fs_write_at(AT_FDCWD, path, text, strlen(text)), 0);
}

/* Two instances: one with a shim and a module, one with a shim; and a process beside them. */
static bool set_up(struct fixture *f, bool v2)
{
	static const char *const where[4] = {"aaaa/payload", "aaaa/shim", "bbbb/shim", NULL};
	static const char *const dirs[] = {
		"",
		"/modules",
		"/modules/aaaa",
		"/modules/bbbb",
		"/modules/aaaa/payload",
		"/modules/aaaa/shim",
		"/modules/bbbb/payload",
		"/modules/bbbb/shim",
	};
	uint64_t random = 0;

	if (geteuid() != 0 || !tree(v2))
		return false;
	CHECK_EQ(getrandom(&random, sizeof(random), 0), sizeof(random));
	(void)snprintf(f->base, sizeof(f->base), "%s/modsup-%016llx", tree(v2),
		       (unsigned long long)random);
	(void)snprintf(f->modules, sizeof(f->modules), "%s/modules", f->base);
	for (size_t i = 0; i < MS_ARRAY_LEN(dirs); i++)
		make_dir(f->base, dirs[i]);
	for (size_t i = 0; i < MS_ARRAY_LEN(f->pids); i++) {
		f->pids[i] = fork();
		if (f->pids[i] == 0) {
			(void)pause();
			_exit(0);
		}
		if (where[i])
			put(f, where[i], f->pids[i]);
	}
	f->groups.n = 1;
	f->groups.groups[0] = (struct ms_group){
		.dir = open(f->modules, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.v2 = v2,
		.path = strdup(f->modules),
	};
	return true;
}

static void tear_down(struct fixture *f)
{
	char command[256];
	int status;

	(void)kill(f->pids[3], SIGKILL);
	for (size_t i = 0; i < MS_ARRAY_LEN(f->pids); i++)
		CHECK_EQ(waitpid(f->pids[i], &status, 0), f->pids[i]);
	ms_groups_done(&f->groups);
	(void)snprintf(command, sizeof(command), "find %s -depth -type d -exec rmdir {} +",
		       f->base);
	CHECK_EQ(system(command), 0); /* NOLINT(concurrency-mt-unsafe, cert-env33-c): a test */
}

static bool becomes_empty(const struct ms_groups *groups)
{
	for (int i = 0; i < 2000; i++) {
		const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};

		if (ms_groups_empty(groups))
			return true;
		ms_groups_kill(groups);
		(void)nanosleep(&pause, NULL);
	}
	return false;
}

static void count_and_kill(bool v2)
{
	struct fixture f = {0};
	struct ms_groups_count count;

	if (!set_up(&f, v2))
		TEST_SKIP("needs root and such a hierarchy");
	ms_groups_count(&f.groups, &count);
	CHECK_EQ(count.instances, 2);
	CHECK_EQ(count.processes, 3);
	CHECK(!ms_groups_empty(&f.groups));
	CHECK(becomes_empty(&f.groups));
	CHECK_EQ(kill(f.pids[3], 0), 0); /* who is elsewhere lives */
	CHECK_EQ(waitpid(f.pids[3], NULL, WNOHANG), 0);
	tear_down(&f);
}

TEST(everybody_in_a_v1_group_is_ended_and_nobody_else)
{
	count_and_kill(false);
}

TEST(everybody_in_a_v2_group_is_ended_and_nobody_else)
{
	count_and_kill(true);
}
