/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * method-capacity.c - capacity.get: how full the host is. Called through the table of rpc.c.
 */
#include "supervisor/daemon/capacity.h"
#include "supervisor/daemon/rpc.h"

static int run_get(struct ms_call *call, const struct ms_arg *args, struct ms_fault *fault)
{
	struct ms_jw *jw = ms_call_begin(call, /* n_fds= */ 0);

	(void)args;  /* none */
	(void)fault; /* cannot fail but for memory, which ms_call_answer() tells */
	if (jw)
		ms_capacity_write(call->peer->s, jw);
	ms_call_answer(call, jw, NULL, 0);
	return 0;
}

const struct ms_method ms_method_capacity_get = {
	.name = "capacity.get",
	.role = MS_ROLE_OBSERVER,
	.run = run_get,
};
