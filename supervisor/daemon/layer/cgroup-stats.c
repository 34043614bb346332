/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cgroup-stats.c - what the kernel counts about the groups of one instance, on pure v2, hybrid and
 * v1. Changes nothing in the kernel but the v1 registration of the OOM's eventfd.
 */
#include "supervisor/daemon/layer/cgroup-stats.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "lib/fs.h"
#include "lib/num.h"
#include "supervisor/daemon/layer/cgroup-find.h"
#include "supervisor/daemon/layer/cgroup-group.h"

#define FILE_BYTES                                                                                 \
	4096u /* the longest of these files, memory.events and cpu.stat, have some 200             \
	       */

/* One file of the kernel's, as it is at one moment. */
struct text {
	char bytes[FILE_BYTES];
	size_t len;
};

/** ms_cgroup_number() - see cgroup-stats.h. */
bool ms_cgroup_number(struct ms_str text, const char *key, uint64_t *ret)
{
	const char *p = text.p, *end = text.p + text.len;
	const size_t key_len = key ? strlen(key) : 0;

	while (p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((newline ? newline : end) - p);

		if (!key)
			return ms_parse_u64(p, len, 0, UINT64_MAX, ret) == 0;
		if (len > key_len && memcmp(p, key, key_len) == 0 && p[key_len] == ' ')
			return ms_parse_u64(p + key_len + 1, len - key_len - 1, 0, UINT64_MAX,
					    ret) == 0;
		p += len + 1;
	}
	return false;
}

static bool read_text(int fd, struct text *ret)
{
	ssize_t n = fd < 0 ? -1 : pread(fd, ret->bytes, sizeof(ret->bytes), 0);

	ret->len = n > 0 ? (size_t)n : 0;
	return n > 0;
}

/* False, and empty, when the file is not there. */
static bool read_file(int dir, const char *file, struct text *ret)
{
	ms_auto_fd int fd = dir < 0 ? -EBADF : openat(dir, file, O_RDONLY | O_CLOEXEC);

	return read_text(fd, ret);
}

/* 0 when it is not there. */
static uint64_t number_in(const struct text *text, const char *key)
{
	uint64_t value = 0;

	return ms_cgroup_number((struct ms_str){.p = text->bytes, .len = text->len}, key, &value)
		       ? value
		       : 0;
}

static uint64_t read_number(int dir, const char *file, const char *key)
{
	struct text text;

	return read_file(dir, file, &text) ? number_in(&text, key) : 0;
}

static int dir_with(const struct ms_cgroup *cg, enum ms_controller controller, bool *ret_v2)
{
	*ret_v2 = false;
	for (uint32_t i = 0; i < cg->cgroups->n_trees; i++) {
		if (cg->cgroups->trees[i].has[controller]) {
			*ret_v2 = cg->cgroups->trees[i].v2;
			return cg->dirs[i];
		}
	}
	return -EBADF;
}

/* -- cpu -- */

/* v1: cpuacct may be mounted with cpu or by itself; only one of the trees has the file. */
static uint64_t used_v1(const struct ms_cgroup *cg)
{
	for (uint32_t i = 0; i < cg->cgroups->n_trees; i++) {
		const struct ms_cgroup_tree *t = &cg->cgroups->trees[i];
		struct text text;

		if (t->v2 || !(t->has[MS_CGROUP_CPU] || strcmp(t->any, "cpuacct") == 0))
			continue;
		if (read_file(cg->dirs[i], "payload/cpuacct.usage", &text))
			return number_in(&text, NULL) / 1000;
	}
	return 0;
}

static void read_cpu(const struct ms_cgroup *cg, uint32_t what, struct ms_cgroup_stats *ret)
{
	bool v2;
	int dir = dir_with(cg, MS_CGROUP_CPU, &v2);
	struct text text = {.len = 0};

	if (v2 || (what & MS_CGROUP_READ_THROTTLE))
		(void)read_file(dir, "payload/cpu.stat", &text); /* else all are 0 */
	if (what & MS_CGROUP_READ_THROTTLE) {
		ret->periods = number_in(&text, "nr_periods");
		ret->throttled = number_in(&text, "nr_throttled");
		ret->throttled_usec = v2 ? number_in(&text, "throttled_usec")
					 : number_in(&text, "throttled_time") / 1000;
	}
	if (what & MS_CGROUP_READ_CPU)
		ret->cpu_usec = v2 ? number_in(&text, "usage_usec") : used_v1(cg);
}

uint64_t ms_cgroup_cpu_usec(const struct ms_cgroup *cg)
{
	struct ms_cgroup_stats stats = {0};

	read_cpu(cg, MS_CGROUP_READ_CPU, &stats);
	return stats.cpu_usec;
}

/* -- memory -- */

/* The second is the one with swap, which kernels before 6.13 count as well. */
static uint64_t hits_v1(int dir)
{
	return read_number(dir, "memory.failcnt", NULL) +
	       read_number(dir, "memory.memsw.failcnt", NULL);
}

/* v1 counts the kills where the victim was: in payload, or in shim */
static uint64_t kills_v1(int dir)
{
	return read_number(dir, "payload/memory.oom_control", "oom_kill") +
	       read_number(dir, "memory.oom_control", "oom_kill");
}

static void read_memory(const struct ms_cgroup *cg, uint32_t what, struct ms_cgroup_stats *ret)
{
	bool v2;
	int dir = dir_with(cg, MS_CGROUP_MEMORY, &v2);
	struct text text = {.len = 0};

	if (what & MS_CGROUP_READ_MEMORY) {
		ret->memory_bytes =
			read_number(dir, v2 ? "memory.current" : "memory.usage_in_bytes", NULL);
		ret->memory_peak_bytes =
			read_number(dir, v2 ? "memory.peak" : "memory.max_usage_in_bytes", NULL);
	}
	if (v2 && (what & (MS_CGROUP_READ_HITS | MS_CGROUP_READ_KILLS)))
		(void)read_file(dir, "memory.events", &text); /* else all are 0 */
	if (what & MS_CGROUP_READ_HITS)
		ret->memory_hits = v2 ? number_in(&text, "max") : hits_v1(dir);
	if (what & MS_CGROUP_READ_KILLS)
		ret->oom_kills = v2 ? number_in(&text, "oom_kill") : kills_v1(dir);
}

int ms_cgroup_memory(const struct ms_cgroup *cg, struct ms_cgroup_memory *ret)
{
	bool v2;
	int dir = dir_with(cg, MS_CGROUP_MEMORY, &v2);
	struct text text = {.len = 0};

	if (dir < 0)
		return -ENOENT;
	ret->peak_bytes = read_number(dir, v2 ? "memory.peak" : "memory.max_usage_in_bytes", NULL);
	if (v2) {
		(void)read_file(dir, "memory.events", &text); /* else all are 0 */
		ret->oom_kills = number_in(&text, "oom_kill");
		ret->limit_hits = number_in(&text, "max");
		/* "oom" is the own limit's alone: one further up counts there, the host's nowhere
		 */
		ret->by_host = ret->oom_kills > 0 && number_in(&text, "oom") == 0;
		return 0;
	}
	ret->oom_kills = kills_v1(dir);
	ret->limit_hits = hits_v1(dir);
	ret->by_host = ret->oom_kills > 0 && ret->limit_hits == 0;
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

/* -- processes -- */

uint64_t ms_cgroup_fork_failures(const struct ms_cgroup *cg)
{
	bool v2;

	return read_number(dir_with(cg, MS_CGROUP_PIDS, &v2), "payload/pids.events", "max");
}

int ms_cgroup_open_forks(const struct ms_cgroup *cg)
{
	bool v2;
	int dir = dir_with(cg, MS_CGROUP_PIDS, &v2), fd;

	if (dir < 0 || !v2)
		return -ENOENT;
	fd = openat(dir, "payload/pids.events", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

bool ms_cgroup_read_forks(int fd, uint64_t *ret)
{
	struct text text;

	if (!read_text(fd, &text))
		return false;
	*ret = number_in(&text, "max");
	return true;
}

int ms_cgroups_open_processes(const struct ms_cgroups *c)
{
	for (uint32_t i = 0; i < c->n_trees; i++) {
		const struct ms_cgroup_tree *t = &c->trees[i];
		int fd;

		if (!t->has[MS_CGROUP_PIDS] || t->v2)
			continue;
		fd = openat(t->modules, "pids.current", O_RDONLY | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	return -ENOENT;
}

uint64_t ms_cgroups_read_processes(int fd)
{
	struct text text;

	return read_text(fd, &text) ? number_in(&text, NULL) : 0;
}

/* -- all of them -- */

/** ms_cgroup_stats() - see cgroup-stats.h. */
void ms_cgroup_stats(const struct ms_cgroup *cg, uint32_t what, struct ms_cgroup_stats *ret)
{
	bool v2;
	int pids = dir_with(cg, MS_CGROUP_PIDS, &v2);

	if (what & (MS_CGROUP_READ_CPU | MS_CGROUP_READ_THROTTLE))
		read_cpu(cg, what, ret);
	if (what & (MS_CGROUP_READ_MEMORY | MS_CGROUP_READ_HITS | MS_CGROUP_READ_KILLS))
		read_memory(cg, what, ret);
	if (what & MS_CGROUP_READ_PROCESSES)
		ret->processes = read_number(pids, "payload/pids.current", NULL);
	if (what & MS_CGROUP_READ_FORKS)
		ret->refused_forks = read_number(pids, "payload/pids.events", "max");
}
