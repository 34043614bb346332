/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * userns.c - the module's user namespace, made last of all namespaces so that it owns none of the
 * others: every capability inside it moves nothing. Its owner is the shim's id, which is the shim's
 * only power over the module (user_namespaces(7): a process of the owner's id in the parent
 * namespace has all capabilities in it).
 */
#include <stdio.h>
#include <string.h>

#include "lib/fs.h"
#include "lib/layers.h"
#include "lib/num.h"
#include "shim/layer/layer.h"

int ms_layer_userns_enter(const struct ms_plan *plan, int join, struct ms_error *err)
{
	int r;

	if (!MS_LAYER_ON(USERNS))
		return 0;
	/* as the shim's id, so that it is the owner; with CAP_SYS_ADMIN kept, so that hosts which
	 * forbid this to the unprivileged allow it */
	r = ms_layer_identity_set(plan->shim_uid, /* keep_caps= */ true, err);
	if (r < 0)
		return r;
	/* the kernel asks whether this id may look into the process of @join: the owner of its
	 * namespace may, and owns no other */
	r = join < 0 ? ms_sys_unshare(CLONE_NEWUSER) : ms_sys_setns(join, CLONE_NEWUSER);
	return r < 0 ? ms_error_set(err, -r,
				    join < 0 ? "unshare(CLONE_NEWUSER)"
					     : "join the module's user namespace")
		     : 0;
}

static int write_child(const struct ms_shim *shim, int child, const char *name, const char *text,
		       struct ms_error *err)
{
	char path[64];
	int r;

	(void)snprintf(path, sizeof(path), "%d/%s", child, name); /* always fits */
	r = ms_fs_write_at(shim->proc, path, text, strlen(text));
	return r < 0 ? ms_error_set(err, -r, "write %s", name) : 0;
}

int ms_layer_userns_map(const struct ms_shim *shim, int child, struct ms_error *err)
{
	const struct ms_plan *plan = &shim->plan;
	char map[64];
	int r;

	if (!MS_LAYER_ON(USERNS))
		return 0;
	(void)snprintf(map, sizeof(map), "%u %u 1\n", plan->inside_uid,
		       plan->module_uid); /* always fits */
	r = write_child(shim, child, "uid_map", map, err);
	if (r < 0)
		return r;
	/* for ever: no process of this namespace may change its supplementary groups
	 * (CVE-2014-8989) */
	r = write_child(shim, child, "setgroups", "deny", err);
	if (r < 0)
		return r;
	return write_child(shim, child, "gid_map", map, err);
}

int ms_layer_userns_limit(const struct ms_shim *shim, struct ms_error *err)
{
	static const char *const kinds[] = {"user", "pid", "uts",    "ipc",
					    "net",  "mnt", "cgroup", "time"};

	if (!MS_LAYER_ON(USERNS))
		return 0;
	for (size_t i = 0; i < MS_ARRAY_LEN(kinds); i++) {
		char path[64];
		int r;

		(void)snprintf(path, sizeof(path), "sys/user/max_%s_namespaces",
			       kinds[i]); /* always fits */
		r = ms_fs_write_at(shim->proc, path, "0", 1);
		if (r == -ENOENT) /* a kind that this kernel does not have */
			continue;
		if (r < 0)
			return ms_error_set(err, -r, "write %s", path);
	}
	return 0;
}

int ms_layer_memfd_noexec(const struct ms_shim *shim, struct ms_error *err)
{
	int r;

	if (!(shim->plan.flags & MS_PLAN_MEMFD_NOEXEC) || !MS_LAYER_ON(MOUNT))
		return 0;
	r = ms_fs_write_at(shim->proc, "sys/vm/memfd_noexec", "2", 1);
	return r < 0 ? ms_error_set(err, -r, "write vm.memfd_noexec") : 0;
}
