/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * landlock.c - a second opinion on files beneath the mounts, and scopes for abstract sockets and
 * signals, at the best ABI of the host (landlock(7)). Constants by number: the build host's headers
 * may be older than the kernel.
 */
#include "lib/layers.h"
#include "lib/sys.h"
#include "shim/layer/layer.h"

#define RULE_PATH_BENEATH 1

struct ruleset_attr { /* struct landlock_ruleset_attr as of ABI 6 */
	uint64_t handled_access_fs, handled_access_net, scoped;
};

struct path_beneath_attr {
	uint64_t allowed_access;
	int32_t parent_fd;
} __attribute__((packed));

/* Access rights that make sense on a file; the others are refused by the kernel for one. */
#define FILE_RIGHTS ((1ull << 0) | (1ull << 1) | (1ull << 2) | (1ull << 14) | (1ull << 15))

static int add_path(int ruleset, const struct ms_plan_landlock *rule, struct ms_error *err)
{
	ms_auto_fd int fd =
		ms_sys_openat(AT_FDCWD, rule->path.p, O_PATH | O_CLOEXEC | O_NOFOLLOW, 0);
	struct path_beneath_attr attr = {.allowed_access = rule->access, .parent_fd = fd};
	struct stat st;
	int r;

	if (fd == -ENOENT && rule->optional)
		return 0;
	if (fd < 0)
		return ms_error_set(err, -fd, "open '%s' for a rule", rule->path.p);
	r = ms_sys_fstat(fd, &st);
	if (r < 0)
		return ms_error_set(err, -r, "stat of '%s'", rule->path.p);
	if (!S_ISDIR(st.st_mode))
		attr.allowed_access &= FILE_RIGHTS;
	if (!attr.allowed_access)
		return 0;
	r = ms_sys_landlock_add_rule(ruleset, RULE_PATH_BENEATH, &attr, 0);
	return r < 0 ? ms_error_set(err, -r, "add a rule for '%s'", rule->path.p) : 0;
}

int ms_layer_landlock_apply(const struct ms_plan *plan, struct ms_error *err)
{
	const struct ruleset_attr attr = {
		.handled_access_fs = plan->landlock_fs,
		.handled_access_net = plan->landlock_net,
		.scoped = plan->landlock_scoped,
	};
	ms_auto_fd int ruleset = -EBADF;
	int r;

	if (!MS_LAYER_ON(LANDLOCK) || !(plan->flags & MS_PLAN_LANDLOCK))
		return 0;
	/* the kernel takes a longer structure than it knows as long as the rest is zero */
	ruleset = ms_sys_landlock_create_ruleset(&attr, sizeof(attr), 0);
	if (ruleset < 0)
		return ms_error_set(err, -ruleset, "create the ruleset");
	for (uint32_t i = 0; i < plan->n_landlock; i++) {
		r = add_path(ruleset, &plan->landlock[i], err);
		if (r < 0)
			return r;
	}
	r = ms_sys_landlock_restrict_self(ruleset, 0);
	return r < 0 ? ms_error_set(err, -r, "restrict") : 0;
}
