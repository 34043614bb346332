/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cgroup-fixture.h - a daemon's groups on this host's own hierarchies, of whatever form, and
 * processes in them, for the tests of cgroup*.c. A random daemon id names everything that is made
 * here; daemon_done() looks whether all of it is gone. Needs root.
 */
#ifndef MS_TESTS_UNIT_CGROUP_FIXTURE_H
#define MS_TESTS_UNIT_CGROUP_FIXTURE_H

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>

#include "supervisor/daemon/layer/cgroup-find.h"
#include "supervisor/daemon/layer/cgroup.h"
#include "tests/unit/test.h"

#define NAME	   "0123456789abcdef"
#define DEADLINE_S 20
#define MIB	   (UINT64_C(1) << 20)
#define NEED_ROOT                                                                                  \
	if (geteuid() != 0)                                                                        \
	TEST_SKIP("needs root")

static MS_UNUSED const struct ms_cgroup_limits plain = {
	.memory_bytes = 64 * MIB, .cpu_pct = 50, .processes = 20};

struct daemon {
	char id[17];
	struct ms_cgroups *cgroups;
	struct ms_cgroup *cgroup;
};

static MS_UNUSED struct ms_cgroups *open_as(const char *id)
{
	struct ms_error err = MS_ERROR_INIT;
	struct ms_cgroups *c = NULL;

	if (ms_cgroups_open(id, "", &c, &err) < 0) {
		test_failures++;
		printf("%s\n", err.msg);
	}
	return c;
}

static MS_UNUSED struct ms_cgroup *make(struct ms_cgroups *c, const struct ms_cgroup_limits *limits)
{
	struct ms_error err = MS_ERROR_INIT;
	struct ms_cgroup *cg = NULL;

	if (ms_cgroup_make(c, NAME, limits, &cg, &err) < 0) {
		test_failures++;
		printf("%s\n", err.msg);
	}
	return cg;
}

static MS_UNUSED struct daemon daemon_new(const struct ms_cgroup_limits *limits)
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
static MS_UNUSED const char *path_in(const struct ms_cgroup_tree *t, const char *file)
{
	static char path[3 * PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s%s%s%s", t->mount, t->base,
		       file ? "/modules/" NAME "/" : "", file ? file : "");
	return path;
}

/* Closed and looked for: nothing with this id is left in any tree. */
static MS_UNUSED void daemon_done(struct daemon *d)
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

static MS_UNUSED const struct ms_cgroup_tree *tree_with(const struct ms_cgroups *c,
							enum ms_controller what)
{
	for (uint32_t i = 0; i < c->n_trees; i++) {
		if (c->trees[i].has[what])
			return &c->trees[i];
	}
	return NULL;
}

static MS_UNUSED const char *text_of(const struct ms_cgroup_tree *t, const char *file)
{
	static char text[4096];
	ms_auto_fd int fd = open(path_in(t, file), O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		return "(none)";
	text[n] = '\0';
	return text;
}

/* ---- processes in a group ---- */

/* A child that has joined @payload or the shim's group and then does @act; it says when it is in.
 */
static MS_UNUSED pid_t start_in(const struct ms_cgroup *cg, bool payload, void (*act)(void))
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

static MS_UNUSED int end_of(pid_t pid)
{
	int status = -1;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return status;
}

static MS_UNUSED void act_wait(void)
{
	(void)alarm(DEADLINE_S); /* never left behind, whatever the test does */
	(void)pause();		 /* until it is killed */
}

static MS_UNUSED void act_allocate(void)
{
	const size_t len = 64 * MIB;
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		_exit(92);
	(void)alarm(DEADLINE_S); /* an OOM that does not kill would hang */
	for (size_t i = 0; i < len; i += 4096)
		((volatile char *)p)[i] = 1;
}

/* The kernel takes a moment to let go of a dead process. */
static MS_UNUSED int remove_soon(struct ms_cgroup *cg)
{
	int r = -EBUSY;

	for (int i = 0; i < DEADLINE_S * 100 && r < 0; i++) {
		r = ms_cgroup_remove(cg);
		if (r < 0)
			(void)usleep(10000); /* the condition is asked again */
	}
	return r;
}

#endif
