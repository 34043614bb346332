/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cgroup.c - the groups of one instance, by plain files relative to kept-open directories.
 */
#include "supervisor/daemon/layer/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/fs.h"
#include "lib/groups.h"
#include "lib/num.h"
#include "supervisor/daemon/layer/cgroup-find.h"
#include "supervisor/daemon/layer/cgroup-group.h"

#define TCP_SHARE	4u	   /* v1: a quarter of the memory may be in TCP buffers besides */
#define TCP_LEAST_BYTES (1u << 20) /* below, a few connections with full windows stand still */
#define CPU_PERIOD_USEC 100000u
#define SHIM_QUOTA_USEC 20000u /* a fifth of a core: the tarpit bounds what a shim has to do */

int ms_cgroups_open(const char *daemon_id, const char *parent, struct ms_cgroups **ret,
		    struct ms_error *err)
{
	struct ms_cgroups *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return ms_error_set(err, ENOMEM, "cgroups");
	err->step = MS_STEP_CGROUP;
	r = ms_cgroup_find(daemon_id, parent, c, err);
	for (uint32_t i = 0; r == 0 && i < c->n_trees; i++)
		r = ms_cgroup_make_base(&c->trees[i], err);
	if (r < 0) {
		(void)ms_cgroups_close(c); /* always NULL */
		return r;
	}
	err->step = MS_STEP_NONE;
	*ret = c;
	return 0;
}

/* One tree's instances that nobody knows. */
static void sweep_tree(const struct ms_cgroup_tree *t, bool (*is_known)(void *, const char *),
		       void *data)
{
	int fd = openat(t->modules, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (dir && (e = readdir(dir))) { /* NOLINT(concurrency-mt-unsafe): one thread */
		char group[PATH_MAX + 300];

		if (e->d_type != DT_DIR || e->d_name[0] == '.' || is_known(data, e->d_name))
			continue;
		(void)snprintf(group, sizeof(group), "%s/modules/%s", t->base,
			       e->d_name); /* both are capped */
		ms_cgroup_delete_tree(t, group);
	}
	if (dir)
		(void)closedir(dir); /* only read */
}

void ms_cgroups_sweep(struct ms_cgroups *c, bool (*is_known)(void *, const char *), void *data)
{
	for (uint32_t i = 0; i < c->n_trees; i++)
		sweep_tree(&c->trees[i], is_known, data);
}

struct ms_cgroups *ms_cgroups_close(struct ms_cgroups *c)
{
	if (!c)
		return NULL;
	for (uint32_t i = 0; i < c->n_trees; i++) {
		struct ms_cgroup_tree *t = &c->trees[i];

		t->modules = ms_fd_close(t->modules);
		if (t->base[0]) /* a module that runs keeps its groups, for the next daemon */
			ms_cgroup_prune_tree(t, t->base);
	}
	free(c);
	return NULL;
}

bool ms_cgroups_has(const struct ms_cgroups *c, enum ms_controller controller)
{
	for (uint32_t i = 0; i < c->n_trees; i++) {
		if (c->trees[i].has[controller])
			return true;
	}
	return false;
}

bool ms_cgroups_v2_only(const struct ms_cgroups *c)
{
	for (uint32_t i = 0; i < c->n_trees; i++) {
		if (!c->trees[i].v2)
			return false;
	}
	return true;
}

void ms_cgroups_list(const struct ms_cgroups *c, struct ms_buf *out)
{
	for (uint32_t i = 0; i < c->n_trees; i++) {
		char path[2 * PATH_MAX + 16];

		(void)snprintf(path, sizeof(path), "%s%s/modules", c->trees[i].mount,
			       c->trees[i].base); /* both are capped */
		ms_groups_add(out, path, c->trees[i].v2);
	}
}

const char *ms_cgroups_mode(const struct ms_cgroups *c)
{
	bool v1 = false, v2 = false;

	for (uint32_t i = 0; i < c->n_trees; i++) {
		v1 |= !c->trees[i].v2;
		v2 |= c->trees[i].v2;
	}
	return v1 && v2 ? "hybrid" : v1 ? "v1" : "v2";
}

/* @text into <dir>/@file; a file that this kernel does not have is skipped when @optional. */
static int set_text(int dir, const char *file, const char *text, bool optional,
		    struct ms_error *err)
{
	int r = ms_fs_write_at(dir, file, text, strlen(text));

	if (r == -ENOENT && optional)
		return 0;
	return r < 0 ? ms_error_set(err, -r, "write '%s' to %s", text, file) : 0;
}

static int set_uint(int dir, const char *file, uint64_t value, bool optional, struct ms_error *err)
{
	char text[21];

	(void)ms_num_format(value, text); /* always fits */
	return set_text(dir, file, text, optional, err);
}

/* v1 counts TCP buffers by themselves, on top of the memory, and only in a group that has a limit
 * of its own for them: without one (one further up does nothing) a module that never reads its
 * loopback connections holds as much of the host as it likes. Together 5/4 of what was granted,
 * where v2 holds it to that. Absent only where the kernel has no CONFIG_INET or CONFIG_MEMCG_V1. */
static int limit_tcp_v1(int dir, uint64_t bytes, struct ms_error *err)
{
	uint64_t share = bytes / TCP_SHARE;

	return set_uint(dir, "payload/memory.kmem.tcp.limit_in_bytes",
			share < TCP_LEAST_BYTES ? TCP_LEAST_BYTES : share, true, err);
}

static int limit_memory(const struct ms_cgroup_tree *t, int dir, uint64_t bytes,
			struct ms_error *err)
{
	int r;

	if (t->v2) {
		r = set_uint(dir, "memory.max", bytes, false, err);
		if (r == 0) /* a limit that swapping can stretch is none */
			r = set_text(dir, "memory.swap.max", "0", true, err);
		return r < 0 ? r : set_text(dir, "payload/memory.oom.group", "1", true, err);
	}
	r = set_uint(dir, "memory.limit_in_bytes", bytes, false, err);
	if (r == 0) /* one page more: at the very same figure it is this limit that refuses, and
		     * 6.13 and later count only what the other one refused */
		r = set_uint(dir, "memory.memsw.limit_in_bytes",
			     bytes + (uint64_t)sysconf(_SC_PAGESIZE), true, err);
	return r < 0 ? r : limit_tcp_v1(dir, bytes, err);
}

static int limit_cpu(const struct ms_cgroup_tree *t, int dir, uint32_t pct, struct ms_error *err)
{
	const uint64_t quota = (uint64_t)pct * CPU_PERIOD_USEC / 100;
	char text[64];
	int r;

	if (t->v2) {
		(void)snprintf(text, sizeof(text), "%" PRIu64 " %u", quota,
			       CPU_PERIOD_USEC); /* fits */
		r = set_text(dir, "payload/cpu.max", text, false, err);
		(void)snprintf(text, sizeof(text), "%u %u", SHIM_QUOTA_USEC,
			       CPU_PERIOD_USEC); /* fits */
		return r < 0 ? r : set_text(dir, "shim/cpu.max", text, false, err);
	}
	r = set_uint(dir, "payload/cpu.cfs_quota_us", quota, false, err);
	return r < 0 ? r : set_uint(dir, "shim/cpu.cfs_quota_us", SHIM_QUOTA_USEC, false, err);
}

static int make_in_tree(struct ms_cgroup *cg, uint32_t n, const struct ms_cgroup_limits *limits,
			struct ms_error *err)
{
	const struct ms_cgroup_tree *t = &cg->cgroups->trees[n];
	int dir, r = 0;

	if (mkdirat(t->modules, cg->name, 0755) < 0)
		return ms_error_set(err, errno, "make the group in '%s'", t->mount);
	dir = cg->dirs[n] = openat(t->modules, cg->name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return ms_error_set(err, errno, "open the group in '%s'", t->mount);
	for (int i = 0; t->v2 && i < MS_CONTROLLER_COUNT && r == 0; i++) {
		char text[16];

		(void)snprintf(text, sizeof(text), "+%s",
			       ms_controller_word((enum ms_controller)i)); /* fits */
		if (t->has[i])
			r = set_text(dir, "cgroup.subtree_control", text, false, err);
	}
	if (r < 0)
		return r;
	if (mkdirat(dir, "payload", 0755) < 0 || mkdirat(dir, "shim", 0755) < 0)
		return ms_error_set(err, errno, "make payload and shim in '%s'", t->mount);
	if (t->has[MS_CGROUP_MEMORY])
		r = limit_memory(t, dir, limits->memory_bytes, err);
	if (r == 0 && t->has[MS_CGROUP_CPU])
		r = limit_cpu(t, dir, limits->cpu_pct, err);
	if (r == 0 && t->has[MS_CGROUP_PIDS])
		r = set_uint(dir, "payload/pids.max", limits->processes, false, err);
	return r;
}

static struct ms_cgroup *new_cgroup(struct ms_cgroups *cgroups, const char *name)
{
	struct ms_cgroup *cg = calloc(1, sizeof(*cg));

	if (!cg)
		return NULL;
	cg->cgroups = cgroups;
	cg->watch = cg->oom_control = -EBADF;
	(void)snprintf(cg->name, sizeof(cg->name), "%s", name); /* instance names are 16 bytes */
	for (uint32_t i = 0; i < MS_CGROUP_MAX_TREES; i++)
		cg->dirs[i] = -EBADF;
	return cg;
}

int ms_cgroup_make(struct ms_cgroups *cgroups, const char *name,
		   const struct ms_cgroup_limits *limits, struct ms_cgroup **ret,
		   struct ms_error *err)
{
	struct ms_cgroup *cg = new_cgroup(cgroups, name);
	int r = 0;

	if (!cg)
		return ms_error_set(err, ENOMEM, "cgroup");
	for (uint32_t i = 0; i < cgroups->n_trees && r == 0; i++)
		r = make_in_tree(cg, i, limits, err);
	if (r < 0) {
		MS_IGNORE(ms_cgroup_remove(cg)); /* nobody is in it */
		(void)ms_cgroup_free(cg);	 /* always NULL */
		return r;
	}
	*ret = cg;
	return 0;
}

int ms_cgroup_adopt(struct ms_cgroups *cgroups, const char *name, struct ms_cgroup **ret,
		    struct ms_error *err)
{
	struct ms_cgroup *cg = new_cgroup(cgroups, name);

	if (!cg)
		return ms_error_set(err, ENOMEM, "cgroup");
	for (uint32_t i = 0; i < cgroups->n_trees; i++) {
		cg->dirs[i] =
			openat(cgroups->trees[i].modules, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (cg->dirs[i] < 0) {
			int code = errno;

			(void)ms_cgroup_free(cg); /* always NULL */
			return ms_error_set(err, code, "open its group in '%s'",
					    cgroups->trees[i].mount);
		}
	}
	*ret = cg;
	return 0;
}

static int remove_dir(int dirfd, const char *name)
{
	return unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

int ms_cgroup_remove(struct ms_cgroup *cg)
{
	int result = 0;

	/* an event on a group that goes away would be told as one more OOM (cgroup-v1/memory.txt)
	 */
	cg->watch = ms_fd_close(cg->watch);
	cg->oom_control = ms_fd_close(cg->oom_control);
	for (uint32_t i = 0; i < cg->cgroups->n_trees; i++) {
		int r;

		if (cg->dirs[i] < 0)
			continue;
		r = remove_dir(cg->dirs[i], "payload");
		if (r == 0)
			r = remove_dir(cg->dirs[i], "shim");
		if (r == 0)
			r = remove_dir(cg->cgroups->trees[i].modules, cg->name);
		if (r == 0)
			cg->dirs[i] = ms_fd_close(cg->dirs[i]);
		else
			result = r;
	}
	return result;
}

struct ms_cgroup *ms_cgroup_free(struct ms_cgroup *cg)
{
	if (!cg)
		return NULL;
	for (uint32_t i = 0; i < MS_CGROUP_MAX_TREES; i++)
		cg->dirs[i] = ms_fd_close(cg->dirs[i]);
	cg->watch = ms_fd_close(cg->watch);
	cg->oom_control = ms_fd_close(cg->oom_control);
	free(cg);
	return NULL;
}

int ms_cgroup_open_joins(const struct ms_cgroup *cg, bool payload, int *fds, size_t max)
{
	const char *path = payload ? "payload/cgroup.procs" : "shim/cgroup.procs";
	int n = 0;

	for (uint32_t i = 0; i < cg->cgroups->n_trees; i++) {
		int fd = (size_t)n < max ? openat(cg->dirs[i], path, O_WRONLY | O_CLOEXEC) : -1;

		if (fd < 0) {
			int r = (size_t)n < max ? -errno : -E2BIG;

			while (n)
				(void)close(fds[--n]); /* opened just above */
			return r;
		}
		fds[n++] = fd;
	}
	return n;
}

static int v2_dir(const struct ms_cgroup *cg)
{
	for (uint32_t i = 0; i < cg->cgroups->n_trees; i++) {
		if (cg->cgroups->trees[i].v2)
			return cg->dirs[i];
	}
	return -EBADF;
}

int ms_cgroup_open_kill(const struct ms_cgroup *cg)
{
	int dir = v2_dir(cg), fd;

	if (dir < 0)
		return -ENOENT;
	fd = openat(dir, "payload/cgroup.kill", O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

void ms_cgroup_kill(const struct ms_cgroup *cg)
{
	int dir = v2_dir(cg);

	/* the shim is PID 1 of the module's pid namespace: its pidfd, which the caller holds, does
	 * the same */
	if (dir >= 0)
		MS_IGNORE(ms_fs_write_at(dir, "cgroup.kill", "1", 1));
}
