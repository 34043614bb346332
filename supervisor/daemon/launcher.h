/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * launcher.h - what all launches share, made once at start: spawner, cgroups, ids, filters, host
 * facts, the helper programs. Owned by struct ms_supervisor.
 */
#ifndef MS_DAEMON_LAUNCHER_H
#define MS_DAEMON_LAUNCHER_H

#include "policy/config.h"
#include "policy/host.h"
#include "policy/policy.h"
#include "supervisor/daemon/ids.h"
#include "supervisor/daemon/layer/cgroup.h"
#include "supervisor/daemon/layer/seccomp.h"
#include "supervisor/daemon/spawn.h"

#define MS_MAX_SKIPPED 8

struct ms_launcher {
	struct ms_spawner *spawner; /* owned */
	struct ms_cgroups *cgroups; /* owned */
	struct ms_ids ids;
	struct ms_host *host; /* owned */
	struct ms_bpf module_filter, shim_filter;
	uint32_t newest_nr;
	uint32_t kill_nrs[MS_MAX_KILL_CALLS], n_kill_nrs;
	int libexec_fd;			      /* where modsup-inspect is */
	int inspect_fd;			      /* modsup-inspect */
	struct ms_manifest *inspect_manifest; /* of its own sandbox; owned */
	struct ms_policy *inspect_policy;     /* owned */
	const char *skipped[MS_MAX_SKIPPED];  /* optional layers this host lacks */
	uint32_t n_skipped;
};

/*
 * ms_launcher_new - forks the spawner: call before anything is restricted and before there is a
 * loop.
 * @libexec: folder of modsup-shim and modsup-inspect. A layer that is missing and not optional here
 * is host-lacks.
 */
MS_MUST_CHECK int ms_launcher_new(const struct ms_config *config, const char *daemon_id,
				  const char *libexec, struct ms_launcher **ret,
				  struct ms_error *err);
/*
 * ms_launcher_inspector - modsup-inspect, borrowed. An upgrade of the package replaces the file,
 * and one that is unlinked cannot be mounted: then it is the one that took its place.
 */
int ms_launcher_inspector(struct ms_launcher *launcher);
struct ms_launcher *ms_launcher_free(struct ms_launcher *launcher);

#endif
