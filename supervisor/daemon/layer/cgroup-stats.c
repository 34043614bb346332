/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cgroup-stats.c - what the kernel counts about the groups of one instance, on pure v2, hybrid and
 * v1. Changes nothing in the kernel but the v1 registration of the OOM's eventfd.
 */
#include "supervisor/daemon/layer/cgroup-group.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "lib/fs.h"
#include "lib/num.h"
#include "supervisor/daemon/layer/cgroup-find.h"

#define HUGE_PAGE_BYTES (2u << 20)

static int dir_with(const struct ms_cgroup *cg, enum ms_controller controller, bool *ret_v2)
{
	for (uint32_t i = 0; i < cg->cgroups->n_trees; i++) {
		if (cg->cgroups->trees[i].has[controller]) {
			*ret_v2 = cg->cgroups->trees[i].v2;
			return cg->dirs[i];
		}
	}
	return -EBADF;
}

/* The number after @key in a flat-keyed file, or the whole file's number when @key is NULL. 0 when
 * not there. */
static uint64_t read_number(int dir, const char *file, const char *key)
{
	ms_auto_fd int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	char buf[4096];
	const char *p = buf;
	uint64_t value = 0;
	size_t len;
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, buf, sizeof(buf) - 1);
	if (n <= 0)
		return 0;
	buf[n] = '\0';
	for (size_t key_len = key ? strlen(key) : 0; key; p++) {
		if (strncmp(p, key, key_len) == 0 && p[key_len] == ' ') {
			p += key_len + 1;
			break;
		}
		p = strchr(p, '\n');
		if (!p)
			return 0;
	}
	len = strspn(p, "0123456789");
	return ms_parse_u64(p, len, 0, UINT64_MAX, &value) < 0 ? 0 : value;
}

int ms_cgroup_memory(const struct ms_cgroup *cg, struct ms_cgroup_memory *ret)
{
	bool v2;
	int dir = dir_with(cg, MS_CGROUP_MEMORY, &v2);

	if (dir < 0)
		return -ENOENT;
	if (v2) {
		ret->oom_kills = read_number(dir, "memory.events", "oom_kill");
		ret->limit_hits = read_number(dir, "memory.events", "max");
		ret->peak_bytes = read_number(dir, "memory.peak", NULL);
		return 0;
	}
	/* v1 counts the kills where the victim was: in payload */
	ret->oom_kills = read_number(dir, "payload/memory.oom_control", "oom_kill") +
			 read_number(dir, "memory.oom_control", "oom_kill");
	ret->limit_hits = read_number(dir, "memory.failcnt", NULL);
	ret->peak_bytes = read_number(dir, "memory.max_usage_in_bytes", NULL);
	/* 6.18 leaves the counter at 0 under the swap limit: a peak within a huge page of the limit
	 * says the same */
	if (ret->limit_hits == 0 &&
	    ret->peak_bytes + HUGE_PAGE_BYTES > read_number(dir, "memory.limit_in_bytes", NULL))
		ret->limit_hits = 1;
	return 0;
}

/* v1: an eventfd registered for the group's OOM (cgroup-v1/memory.txt, section 10). */
static int watch_v1(struct ms_cgroup *cg, int dir)
{
	char text[32];
	int r;

	cg->oom_control = openat(dir, "memory.oom_control", O_RDONLY | O_CLOEXEC);
	if (cg->oom_control < 0)
		return -errno;
	cg->watch = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (cg->watch < 0)
		return -errno;
	(void)snprintf(text, sizeof(text), "%d %d", cg->watch, cg->oom_control); /* always fits */
	r = ms_fs_write_at(dir, "cgroup.event_control", text, strlen(text));
	return r < 0 ? r : cg->watch;
}

int ms_cgroup_watch_memory(struct ms_cgroup *cg, uint32_t *ret_epoll_events)
{
	bool v2;
	int dir = dir_with(cg, MS_CGROUP_MEMORY, &v2);

	if (dir < 0)
		return -ENOENT;
	if (!v2) {
		*ret_epoll_events = EPOLLIN;
		return watch_v1(cg, dir);
	}
	*ret_epoll_events = EPOLLPRI;
	cg->watch = openat(dir, "memory.events", O_RDONLY | O_CLOEXEC);
	return cg->watch < 0 ? -errno : cg->watch;
}

uint64_t ms_cgroup_fork_failures(const struct ms_cgroup *cg)
{
	bool v2;
	int dir = dir_with(cg, MS_CGROUP_PIDS, &v2);

	return dir < 0 ? 0 : read_number(dir, "payload/pids.events", "max");
}

uint64_t ms_cgroup_cpu_usec(const struct ms_cgroup *cg)
{
	bool v2;
	int dir = dir_with(cg, MS_CGROUP_CPU, &v2);

	if (dir >= 0 && v2)
		return read_number(dir, "payload/cpu.stat", "usage_usec");
	for (uint32_t i = 0; i < cg->cgroups->n_trees; i++) {
		uint64_t nsec = cg->cgroups->trees[i].v2
					? 0
					: read_number(cg->dirs[i], "payload/cpuacct.usage", NULL);

		if (nsec)
			return nsec / 1000;
	}
	return 0;
}
