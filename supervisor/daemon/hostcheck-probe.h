/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hostcheck-probe.h - what the probes share: how a finding is written down, and the child in which
 * things are tried that would stick. Private to hostcheck*.c.
 */
#ifndef MS_DAEMON_HOSTCHECK_PROBE_H
#define MS_DAEMON_HOSTCHECK_PROBE_H

#include "lib/base.h"
#include "supervisor/daemon/hostcheck.h"

void ms_probe_found(struct ms_check *check, enum ms_check_verdict verdict, const char *fmt, ...)
	MS_PRINTF(3, 4);
void ms_probe_advise(struct ms_check *check, const char *fmt, ...) MS_PRINTF(2, 3);

/* ms_probe_in_child - run @probe in a forked child that ends right after. What @probe returns
 * (0 or -errno), or why the child could not tell (-ETIMEDOUT, -EPROTO when it was killed). */
MS_MUST_CHECK int ms_probe_in_child(int (*probe)(const void *arg), const void *arg);

/* ms_probe_read - the first line of a small file; -errno. */
MS_MUST_CHECK int ms_probe_read(const char *path, char *out, size_t out_len);

typedef void (*ms_probe_fn)(const struct ms_config *config, struct ms_check *check);
void ms_probe_kernel(const struct ms_config *config, struct ms_check *check);
void ms_probe_caps(const struct ms_config *config, struct ms_check *check);
void ms_probe_namespaces(const struct ms_config *config, struct ms_check *check);
void ms_probe_userns(const struct ms_config *config, struct ms_check *check);
void ms_probe_mount(const struct ms_config *config, struct ms_check *check);
void ms_probe_proc(const struct ms_config *config, struct ms_check *check);
void ms_probe_handles(const struct ms_config *config, struct ms_check *check);
void ms_probe_seccomp(const struct ms_config *config, struct ms_check *check);
void ms_probe_landlock(const struct ms_config *config, struct ms_check *check);
void ms_probe_keyring(const struct ms_config *config, struct ms_check *check);
void ms_probe_memfd(const struct ms_config *config, struct ms_check *check);
void ms_probe_memfd_noexec(const struct ms_config *config, struct ms_check *check);
void ms_probe_core(const struct ms_config *config, struct ms_check *check);
void ms_probe_ptrace(const struct ms_config *config, struct ms_check *check);
void ms_probe_cgroup(const struct ms_config *config, struct ms_check *check);
void ms_probe_cgroup_memory(const struct ms_config *config, struct ms_check *check);
void ms_probe_cgroup_cpu(const struct ms_config *config, struct ms_check *check);
void ms_probe_cgroup_pids(const struct ms_config *config, struct ms_check *check);
void ms_probe_cgroup_kill(const struct ms_config *config, struct ms_check *check);
void ms_probe_memory_events(const struct ms_config *config, struct ms_check *check);

#endif
