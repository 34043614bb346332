/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cgroup.h - control groups on pure v2, hybrid and v1 hosts:
 *
 *	<base>/modules/<instance>/           memory
 *	                    payload/         cpu, processes, kill: the module
 *	                    shim/            a small cpu quota of its own: who reports may not
 *starve with the module
 *
 * in every hierarchy that holds cpu, memory or pids, and in the v2 one for identity and
 *cgroup.kill. libcgroup finds the hierarchies and makes the long-lived groups; those of a launch
 *are plain files, five times as fast.
 */
#ifndef MS_DAEMON_LAYER_CGROUP_H
#define MS_DAEMON_LAYER_CGROUP_H

#include "lib/base.h"
#include "lib/buf.h"
#include "lib/error.h"
#include "policy/json.h"

#define MS_CGROUP_MAX_TREES 8

enum ms_controller { MS_CGROUP_CPU, MS_CGROUP_MEMORY, MS_CGROUP_PIDS, MS_CONTROLLER_COUNT };

struct ms_cgroups;
struct ms_cgroup;

/*
 * ms_cgroups_open - find the hierarchies and make <base>/modules in each, named after @daemon_id.
 * @parent: the administrator's own base path, "" = found: the own group where it was delegated,
 * else the root. What a dead daemon of the same id left there is killed and removed. Controllers
 * that are missing are only noted: ms_cgroups_has().
 */
MS_MUST_CHECK int ms_cgroups_open(const char *daemon_id, const char *parent,
				  struct ms_cgroups **ret, struct ms_error *err);
/* ms_cgroups_sweep - kill and remove the groups of instances that @is_known does not know: what a
 * dead daemon of this id left and nobody took over. To be called once, when that is clear. */
void ms_cgroups_sweep(struct ms_cgroups *cgroups, bool (*is_known)(void *data, const char *name),
		      void *data);
/* ms_cgroups_close - and remove the long-lived groups where they are empty; a living module keeps
 * them. */
struct ms_cgroups *ms_cgroups_close(struct ms_cgroups *cgroups);
bool ms_cgroups_has(const struct ms_cgroups *cgroups, enum ms_controller controller);
bool ms_cgroups_v2_only(const struct ms_cgroups *cgroups);
const char *ms_cgroups_mode(const struct ms_cgroups *cgroups); /* "v2", "hybrid", "v1" */
/* ms_cgroups_list - the groups above all modules, as lib/groups.h writes them down. */
void ms_cgroups_list(const struct ms_cgroups *cgroups, struct ms_buf *out);
const char *ms_controller_word(enum ms_controller controller);

struct ms_cgroup_limits {
	uint64_t memory_bytes;
	uint32_t cpu_pct;
	uint32_t processes;
};

/* ms_cgroup_make - the groups of one instance, limits set. Controllers that are missing are left
 * out. */
MS_MUST_CHECK int ms_cgroup_make(struct ms_cgroups *cgroups, const char *name,
				 const struct ms_cgroup_limits *limits, struct ms_cgroup **ret,
				 struct ms_error *err);
/* ms_cgroup_adopt - the groups of an instance that are there already. */
MS_MUST_CHECK int ms_cgroup_adopt(struct ms_cgroups *cgroups, const char *name,
				  struct ms_cgroup **ret, struct ms_error *err);
/* ms_cgroup_remove - the groups, once nobody is in them. 0, or -EBUSY: try again later. */
MS_MUST_CHECK int ms_cgroup_remove(struct ms_cgroup *cgroup);
struct ms_cgroup *
ms_cgroup_free(struct ms_cgroup *cgroup); /* forget; the groups stay if they were not removed */

/* cgroup.procs files, open for writing, owned by the caller; at most @max. Count or -errno. */
MS_MUST_CHECK int ms_cgroup_open_joins(const struct ms_cgroup *cgroup, bool payload, int *fds,
				       size_t max);
/* cgroup.kill of the payload, open for writing; -ENOENT where there is no v2 hierarchy. */
MS_MUST_CHECK int ms_cgroup_open_kill(const struct ms_cgroup *cgroup);
/* ms_cgroup_kill - every process of the module and the shim, by cgroup.kill or one by one. */
void ms_cgroup_kill(const struct ms_cgroup *cgroup);

struct ms_cgroup_memory {
	uint64_t oom_kills;  /* processes the kernel killed for this group's limit */
	uint64_t limit_hits; /* times the limit was reached (failcnt or events.max) */
	uint64_t peak_bytes; /* 0 = not known */
	bool by_host;	     /* killed, and never for its own limit: for one further up, or for all
				of the host's memory */
};
MS_MUST_CHECK int ms_cgroup_memory(const struct ms_cgroup *cgroup, struct ms_cgroup_memory *ret);
/* A descriptor that wakes when memory_events change: poll for EPOLLPRI (v2), EPOLLIN (v1 eventfd,
 * to be read). -errno. */
MS_MUST_CHECK int ms_cgroup_watch_memory(struct ms_cgroup *cgroup, uint32_t *ret_epoll_events);
/* Forks that the limit refused; 0 when not known. */
uint64_t ms_cgroup_fork_failures(const struct ms_cgroup *cgroup);
/* CPU time used by the payload, microseconds; 0 when not known. */
uint64_t ms_cgroup_cpu_usec(const struct ms_cgroup *cgroup);

#endif
