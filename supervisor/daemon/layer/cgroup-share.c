/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cgroup-share.c - limits and figures of <base>/modules, and the weight of <base>, which is what
 * stands beside the host's own groups. On v2 and v1.
 */
#include "supervisor/daemon/layer/cgroup-share.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/fs.h"
#include "lib/num.h"
#include "supervisor/daemon/layer/cgroup-find.h"
#include "supervisor/daemon/layer/cgroup-stats.h"

#define FILE_BYTES	  8192u /* memory.stat of v1 has some 60 lines */
#define V1_SHARES	  1024u /* what a group of v1 has that nobody gave a weight */
#define V1_LEAST_SHARES	  2u
#define V2_WEIGHT	  100u
#define MEMORY_SLACK	  (UINT64_C(64) << 20) /* above what is used, when that is above the limit */
#define V1_UNLIMITED_FROM (UINT64_C(1) << 62)  /* "no limit" is the largest multiple of a page */

static const struct ms_cgroup_tree *tree_with(const struct ms_cgroups *c,
					      enum ms_controller controller)
{
	for (uint32_t i = 0; i < c->n_trees; i++) {
		if (c->trees[i].has[controller])
			return &c->trees[i];
	}
	return NULL;
}

/* A number in a file of the kernel's; @otherwise when it is not there, or "max". */
static uint64_t number_at(int dir, const char *file, const char *key, uint64_t otherwise)
{
	ms_auto_fd int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	char text[FILE_BYTES];
	uint64_t value;
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (n <= 0)
		return otherwise;
	return ms_cgroup_number((struct ms_str){.p = text, .len = (size_t)n}, key, &value)
		       ? value
		       : otherwise;
}

static uint64_t usage_of(const struct ms_cgroup_tree *t, int dir)
{
	return number_at(dir, t->v2 ? "memory.current" : "memory.usage_in_bytes", NULL, 0);
}

static int put(int dir, const char *file, uint64_t value, struct ms_error *err)
{
	char text[21];
	size_t len = ms_num_format(value, text);
	int r = ms_fs_write_at(dir, file, text, len);

	return r < 0 ? ms_error_set(err, -r, "write '%s' to %s of the modules' group", text, file)
		     : 0;
}

/* v2 kills until usage is below a new limit; v1 refuses one that it cannot get below. */
static int share_memory(const struct ms_cgroup_tree *t, uint64_t wanted, uint64_t *ret,
			struct ms_error *err)
{
	uint64_t used = usage_of(t, t->modules);
	uint64_t value = used < wanted ? wanted : used + MEMORY_SLACK;
	const char *file = t->v2 ? "memory.max" : "memory.limit_in_bytes";
	int r = put(t->modules, file, value, err);

	if (r == -EBUSY) { /* grown since: as it was, until it is asked again */
		*ret = number_at(t->modules, file, NULL, UINT64_MAX);
		return 0;
	}
	if (r == 0)
		*ret = value;
	return r;
}

static int share_cpu(const struct ms_cgroup_tree *t, uint64_t weight, struct ms_error *err)
{
	uint64_t shares = weight * V1_SHARES / V2_WEIGHT;

	if (t->v2)
		return put(t->modules, "../cpu.weight", weight, err);
	return put(t->modules, "../cpu.shares", shares < V1_LEAST_SHARES ? V1_LEAST_SHARES : shares,
		   err);
}

/** ms_cgroups_share() - Return: 0, or -errno with @err. */
int ms_cgroups_share(const struct ms_cgroups *c, enum ms_controller controller, uint64_t value,
		     uint64_t *ret, struct ms_error *err)
{
	const struct ms_cgroup_tree *t = tree_with(c, controller);
	int r = 0;

	*ret = 0;
	if (!t)
		return 0;
	switch (controller) {
	case MS_CGROUP_MEMORY:
		return share_memory(t, value, ret, err);
	case MS_CGROUP_PIDS:
		r = put(t->modules, "pids.max", value, err);
		break;
	case MS_CGROUP_CPU:
		r = share_cpu(t, value, err);
		break;
	case MS_CONTROLLER_COUNT:
		return -EINVAL;
	}
	if (r == 0)
		*ret = value;
	return r;
}

/* memory.max of @group (below the mount) and everything above it. */
static uint64_t above_v2(const struct ms_cgroup_tree *t)
{
	uint64_t least = UINT64_MAX;
	char group[PATH_MAX], path[2 * PATH_MAX + 16];

	(void)snprintf(group, sizeof(group), "%s", t->base); /* capped */
	for (char *slash; (slash = strrchr(group, '/'));) {
		uint64_t limit;

		*slash = '\0';
		(void)snprintf(path, sizeof(path), "%s%s/memory.max", t->mount,
			       group); /* both are capped */
		limit = number_at(AT_FDCWD, path, NULL, UINT64_MAX);
		least = MS_MIN(least, limit);
	}
	return least;
}

/** ms_cgroups_above() - Return: bytes, or UINT64_MAX. */
uint64_t ms_cgroups_above(const struct ms_cgroups *c)
{
	const struct ms_cgroup_tree *t = tree_with(c, MS_CGROUP_MEMORY);
	uint64_t limit;

	if (!t)
		return UINT64_MAX;
	if (t->v2)
		return above_v2(t);
	/* of <base>, which has no limit of its own */
	limit = number_at(t->modules, "../memory.stat", "hierarchical_memory_limit", UINT64_MAX);
	return limit >= V1_UNLIMITED_FROM ? UINT64_MAX : limit;
}

/** ms_cgroups_use() - what all modules use together; 0 where nobody counts. */
void ms_cgroups_use(const struct ms_cgroups *c, struct ms_cgroups_use *ret)
{
	const struct ms_cgroup_tree *memory = tree_with(c, MS_CGROUP_MEMORY);
	const struct ms_cgroup_tree *pids = tree_with(c, MS_CGROUP_PIDS);

	*ret = (struct ms_cgroups_use){0};
	if (memory) {
		uint64_t used = usage_of(memory, memory->modules);
		uint64_t idle = number_at(memory->modules, "memory.stat",
					  memory->v2 ? "inactive_file" : "total_inactive_file", 0);

		ret->memory_bytes = used - MS_MIN(used, idle);
	}
	if (pids)
		ret->processes = number_at(pids->modules, "pids.current", NULL, 0);
}

struct each {
	const struct ms_cgroup_tree *tree;
	enum ms_controller controller;
	bool with_use;
	ms_cgroups_each_fn fn;
	void *data;
};

static void tell_one(const struct each *each, int dir, const char *name)
{
	const struct ms_cgroup_tree *t = each->tree;
	ms_auto_fd int group = openat(dir, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	uint64_t limit, used = 0;

	if (group < 0)
		return; /* it has just ended */
	if (each->controller == MS_CGROUP_MEMORY) {
		limit = number_at(group, t->v2 ? "memory.max" : "memory.limit_in_bytes", NULL,
				  UINT64_MAX);
		if (each->with_use)
			used = usage_of(t, group);
	} else {
		limit = number_at(group, "payload/pids.max", NULL, UINT64_MAX);
		if (each->with_use)
			used = number_at(group, "payload/pids.current", NULL, 0);
	}
	each->fn(each->data, name, limit, used);
}

/** ms_cgroups_each() - in no order. */
void ms_cgroups_each(const struct ms_cgroups *c, enum ms_controller controller, bool with_use,
		     ms_cgroups_each_fn fn, void *data)
{
	const struct ms_cgroup_tree *t = tree_with(c, controller);
	int fd = t ? openat(t->modules, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct each each = {t, controller, with_use, fn, data};
	struct dirent *e;

	if (!dir) {
		fd = ms_fd_close(fd);
		return;
	}
	while ((e = readdir(dir))) { /* NOLINT(concurrency-mt-unsafe): one thread */
		if (e->d_type == DT_DIR && e->d_name[0] != '.')
			tell_one(&each, dirfd(dir), e->d_name);
	}
	(void)closedir(dir); /* only read */
}
