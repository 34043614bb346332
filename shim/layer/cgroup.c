/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cgroup.c - the module's child moves itself into the payload group of every hierarchy, through
 * descriptors that modsupd opened: no path, no cgroupfs in sight. And who the kernel takes first
 * when memory is gone.
 */
#include <string.h>

#include "lib/fs.h"
#include "lib/layers.h"
#include "shim/layer/layer.h"

int ms_layer_cgroup_join(const struct ms_shim *shim, struct ms_error *err)
{
	if (!MS_LAYER_ON(CGROUP))
		return 0;
	for (uint32_t i = 0; i < shim->plan.n_fds; i++) {
		ssize_t n;

		if (shim->plan.fds[i] != MS_FD_CGROUP_JOIN)
			continue;
		n = ms_sys_write(shim->fds[i], "0", 1); /* 0 is the writer itself */
		if (n != 1)
			return ms_error_set(err, n < 0 ? (int)-n : EIO, "join cgroup %u", i);
	}
	return 0;
}

int ms_layer_cgroup_namespace(int join, struct ms_error *err)
{
	int r = join < 0 ? ms_sys_unshare(CLONE_NEWCGROUP) : ms_sys_setns(join, CLONE_NEWCGROUP);

	return r < 0 ? ms_error_set(err, -r,
				    join < 0 ? "unshare(CLONE_NEWCGROUP)"
					     : "join the module's cgroup namespace")
		     : 0;
}

int ms_layer_oom_set(const struct ms_shim *shim, const char *score, struct ms_error *err)
{
	int r = ms_fs_write_at(shim->proc, "self/oom_score_adj", score, strlen(score));

	return r < 0 ? ms_error_set(err, -r, "oom_score_adj %s", score) : 0;
}
