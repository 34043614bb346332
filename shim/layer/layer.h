/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * layer.h - the half of each isolation layer that a process does to itself. Each returns 0 or
 * -errno with @err filled; none calls another: the order is enter.c's and launch.c's alone.
 */
#ifndef MS_SHIM_LAYER_LAYER_H
#define MS_SHIM_LAYER_LAYER_H

#include "shim/shim.h"

/* cgroup.c */
MS_MUST_CHECK int ms_layer_cgroup_join(const struct ms_shim *shim, struct ms_error *err);
MS_MUST_CHECK int ms_layer_oom_set(const struct ms_shim *shim, const char *score,
				   struct ms_error *err);
/* @join: as for the user namespace */
MS_MUST_CHECK int ms_layer_cgroup_namespace(int join, struct ms_error *err);
/* rlimit.c */
MS_MUST_CHECK int ms_layer_rlimit_apply(const struct ms_plan *plan, struct ms_error *err);
/* keyring.c */
MS_MUST_CHECK int ms_layer_keyring_apply(struct ms_error *err);
/* userns.c */
/* @join: pidfd of a process whose user namespace is entered; below 0: a new one is made */
MS_MUST_CHECK int ms_layer_userns_enter(const struct ms_plan *plan, int join, struct ms_error *err);
MS_MUST_CHECK int ms_layer_userns_map(const struct ms_shim *shim, int child, struct ms_error *err);
MS_MUST_CHECK int ms_layer_userns_limit(const struct ms_shim *shim, struct ms_error *err);
MS_MUST_CHECK int ms_layer_memfd_noexec(const struct ms_shim *shim, struct ms_error *err);
/* caps.c */
MS_MUST_CHECK int ms_layer_identity_set(uint32_t id, bool keep_caps, struct ms_error *err);
MS_MUST_CHECK int ms_layer_identity_lend(uint32_t id, struct ms_error *err);
MS_MUST_CHECK int ms_layer_identity_return(struct ms_error *err);
MS_MUST_CHECK int ms_layer_caps_drop(struct ms_error *err);
/* fds.c */
MS_MUST_CHECK int ms_layer_fds_arrange(struct ms_shim *shim, int *sync, struct ms_error *err);
/* landlock.c */
MS_MUST_CHECK int ms_layer_landlock_apply(const struct ms_plan *plan, struct ms_error *err);
/* seccomp.c */
MS_MUST_CHECK int ms_layer_seccomp_apply(const struct ms_plan *plan, int *ret_listener,
					 struct ms_error *err);
MS_MUST_CHECK int ms_layer_seccomp_shim(const struct ms_plan *plan, struct ms_error *err);

#endif
