/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host.h - what a plan needs to know of this host, as values: gathered by
 * supervisor/daemon/hostfacts.c, never asked for by policy/ itself, so that plans are made and
 * tested anywhere.
 */
#ifndef MS_POLICY_HOST_H
#define MS_POLICY_HOST_H

#include "lib/arena.h"
#include "lib/base.h"

#define MS_HOST_MAX_ENTRIES 128u

enum ms_host_kind { MS_HOST_DIR, MS_HOST_FILE, MS_HOST_LINK };

struct ms_host_entry {
	struct ms_str name;
	enum ms_host_kind kind;
	struct ms_str target; /* of a link */
};

struct ms_host_list {
	struct ms_host_entry entries[MS_HOST_MAX_ENTRIES];
	uint32_t n;
};

struct ms_host {
	struct ms_arena arena; /* owns the strings */
	uint32_t landlock_abi; /* 0 = none */
	bool memfd_noexec;     /* vm.memfd_noexec of a pid namespace (6.3) */
	bool protect_shim;     /* oom_score_adj may be lowered (CAP_SYS_RESOURCE) */
	bool wait_killable;    /* seccomp's WAIT_KILLABLE_RECV (5.19) */
	bool cgroup_v2_only;   /* no v1 hierarchy: the form of /proc/self/cgroup inside */
	bool ca_bundle; /* /etc/ssl/certs/ca-certificates.crt, what the runtimes are told of */
	uint32_t n_cpus;
	struct ms_host_list top;  /* of /: bin sbin lib lib32 lib64 libx32, folders or links */
	struct ms_host_list usr;  /* of /usr: the folders of the base runtime */
	struct ms_host_list etc;  /* of /etc: what is taken from the host as it is */
	struct ms_host_list proc; /* of /proc: every name that is not a process */
	struct ms_str localtime;  /* target of /etc/localtime below /usr/share/zoneinfo, "" = UTC */
};

#endif
