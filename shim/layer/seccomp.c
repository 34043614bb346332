/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * seccomp.c - installing the compiled filters of the plan: the module's with a listener, the shim's
 * own without.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include "lib/layers.h"
#include "lib/sys.h"
#include "shim/layer/layer.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#	define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5) /* 5.19 */
#endif

static struct sock_fprog as_program(struct ms_str filter)
{
	return (struct sock_fprog){
		.len = (unsigned short)(filter.len / sizeof(struct sock_filter)),
		.filter = (struct sock_filter *)(uintptr_t)
				  filter.p, /* aligned by the plan's encoding */
	};
}

int ms_layer_seccomp_apply(const struct ms_plan *plan, int *ret_listener, struct ms_error *err)
{
	const struct sock_fprog prog = as_program(plan->filter);
	unsigned flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
	int fd;

	*ret_listener = -EBADF;
	if (!MS_LAYER_ON(SECCOMP))
		return 0;
	if (plan->flags & MS_PLAN_WAIT_KILLABLE)
		flags |= SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	fd = ms_sys_seccomp(SECCOMP_SET_MODE_FILTER, flags, &prog);
	if (fd < 0)
		return ms_error_set(err, -fd, "install the filter");
	*ret_listener = fd;
	return 0;
}

int ms_layer_seccomp_shim(const struct ms_plan *plan, struct ms_error *err)
{
	const struct sock_fprog prog = as_program(plan->shim_filter);
	int r;

	if (!plan->shim_filter.len)
		return 0;
	r = ms_sys_seccomp(SECCOMP_SET_MODE_FILTER, 0, &prog);
	return r < 0 ? ms_error_set(err, -r, "install the shim's own filter") : 0;
}
