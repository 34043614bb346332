/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * config.h - the administrator's configuration: modsupd.json and its drop-ins, as strict as the
 * manifest. Later files replace earlier values key by key (objects merge, everything else is
 * replaced). Pure: reading files is the caller's.
 */
#ifndef MS_POLICY_CONFIG_H
#define MS_POLICY_CONFIG_H

#include "lib/arena.h"
#include "lib/base.h"
#include "policy/manifest.h"
#include "policy/report.h"

enum ms_tier { MS_TIER_COMMUNITY, MS_TIER_VERIFIED, MS_TIER_PRIVATE, MS_TIER_COUNT };

/* Layers that an administrator may mark optional on a host that lacks them; every other layer is
 * always required. */
enum ms_opt_layer {
	MS_OPT_LANDLOCK,
	MS_OPT_MEMFD_NOEXEC, /* vm.memfd_noexec per pid namespace, 6.3 */
	MS_OPT_CGROUP_CPU,
	MS_OPT_CGROUP_MEMORY,
	MS_OPT_CGROUP_PIDS,
	MS_OPT_COUNT
};

struct ms_peer_entry; /* config-peers.h */

struct ms_ceiling {
	uint64_t limits[MS_LIMIT_COUNT]; /* the most a module of this tier gets */
	bool network;			 /* names may be granted at all */
	bool fs_write;			 /* write paths may be granted */
};

struct ms_config {
	struct ms_arena arena;
	struct ms_ceiling tiers[MS_TIER_COUNT]; /* "tiers": {"community": {"limits": {...},
						   "network": false, ...}} */
	enum ms_tier default_tier;   /* "defaultTier": of a folder started by path without --tier */
	bool optional[MS_OPT_COUNT]; /* "optionalLayers": ["landlock", ...] */
	uint32_t id_first,
		id_count; /* "ids": {"first": .., "count": ..}: host uids, two per instance */
	struct ms_str cgroup_parent; /* "cgroup": {"parent": "/x"}: "" = found by itself */
	uint32_t max_instances;	     /* "maxInstances" */
	uint64_t tarpit_after;	     /* "violations": {"tarpitAfter": 100 refused calls a second, */
	uint64_t tarpit_usec;	     /*   "tarpitDelay": "10ms", */
	uint64_t kill_after;	     /*   "killAfter": 5000 answered from the tarpit} */
	bool trust_private;	     /* "trustPrivate": the private tier may be used */
	struct ms_str module_folders[MS_MAX_MODULE_FOLDERS]; /* "moduleFolders": absolute; each
								holds one folder a module,
								named by its id */
	uint32_t n_module_folders;
	bool stop_with_daemon; /* "onStop": "stop" (its modules end with modsupd's SIGTERM) or
				  "keep"; set by main.c's mode where the file says nothing */
	bool stop_with_daemon_set;
	/* "restart": {"delay": "200ms", "maxDelay": "60s", "startLimit": 10, "startWindow": "10m"}
	 */
	uint64_t restart_delay_usec, restart_max_delay_usec, restart_window_usec;
	uint32_t restart_limit; /* starts in the window, then it is `failed` with start-limit; 0 =
				 * never */
	/* "host": {"reserve": {"memory": "512M", "disk": "1G"}, "processes": 32768, "cpuWeight":
	 * 50, "overcommit": {"memory": "200%"}} */
	uint64_t reserve_memory;  /* bytes; 0 = the larger of a tenth of the RAM and 512M */
	uint64_t reserve_disk;	  /* bytes free where the state is; 0 = a twentieth of that file
				     system, at most 1G */
	uint32_t host_processes;  /* of all modules together */
	uint32_t host_cpu_weight; /* of the group above all modules, 1 to 10000; the system has 100
				   */
	uint32_t overcommit_memory; /* per cent of RAM - reserve that the sum of limits may reach */
	struct ms_peer_entry *peers; /* "peers": owned by the arena, see config-peers.h */
	uint32_t n_peers;
};

/* Host ids that may be given to modules: below are the host's own users and what distributions set
 * aside, above 2^31 some file systems and tools take an id for negative. */
#define MS_CONFIG_ID_MIN 1000000u
#define MS_CONFIG_ID_MAX 2147483647u

const char *ms_tier_word(enum ms_tier tier);
const char *ms_opt_layer_word(enum ms_opt_layer layer);
MS_MUST_CHECK int ms_tier_parse(const char *p, size_t len, enum ms_tier *ret); /* 0 or -EINVAL */

MS_MUST_CHECK struct ms_config *ms_config_new(void); /* the shipped defaults; NULL on ENOMEM */
struct ms_config *ms_config_free(struct ms_config *config);
static inline void ms_config_cleanup(struct ms_config **config)
{
	*config = ms_config_free(*config);
}

enum ms_config_result { MS_CONFIG_INVALID = 1 };

/* Where the names of users and groups in `peers` are looked up. find(): 0, above 0 when there is no
 * such name, or -errno. */
struct ms_peer_names {
	int (*find)(void *data, bool is_group, struct ms_str name, uint32_t *ret_id);
	void *data;
};

/* ms_config_apply - one file over what is there; all errors into @report, and then nothing of the
 * file is applied. The names of peers stay unknown: for who only looks at the file. */
MS_MUST_CHECK int ms_config_apply(struct ms_config *config, const char *data, size_t len,
				  struct ms_report *report);
/* ms_config_apply_here - the same for this host, with the names of peers looked up in @names. */
MS_MUST_CHECK int ms_config_apply_here(struct ms_config *config, const char *data, size_t len,
				       const struct ms_peer_names *names, struct ms_report *report);

/* ms_config_dump - all keys with their values and, as "x-KEY", what they are for: for the manual
 * and `modsupd --dump-config`. ms_config_apply() reads it back. Owned by the caller; NULL on
 * ENOMEM. */
char *ms_config_dump(const struct ms_config *config);

#endif
