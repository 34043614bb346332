/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * method-emergency.c - emergency.stop and emergency.lift. Called through the table of rpc.c;
 * modsupctl does the same without a daemon.
 */
#include <stdio.h>

#include "supervisor/daemon/emergency.h"
#include "supervisor/daemon/rpc.h"
#include "supervisor/daemon/supervisor.h"

static const struct ms_param stop_params[] = {
	{.name = "reason",
	 .type = MS_PARAM_TEXT,
	 .required = true,
	 .min = 1,
	 .max = MS_MAX_REASON_BYTES},
};

#define BY_BYTES 64

static const char *name_peer(const struct ms_rpc_peer *peer, char out[static BY_BYTES])
{
	(void)snprintf(out, BY_BYTES, "user %u at the control socket", peer->uid); /* fits */
	return out;
}

static int run_stop(struct ms_call *call, const struct ms_arg *args, struct ms_fault *fault)
{
	struct ms_emergency *e = call->peer->s->emergency;
	struct ms_jw *jw;
	char by[BY_BYTES];
	uint32_t killed = 0;
	int r = ms_emergency_stop(e, args[0].str, name_peer(call->peer, by), &killed,
				  &fault->error);

	if (r < 0)
		return r;
	jw = ms_call_begin(call, /* n_fds= */ 0);
	if (jw) {
		ms_jw_uint(jw, "killed", killed);
		ms_emergency_write(e, jw, "emergency");
	}
	ms_call_answer(call, jw, NULL, 0);
	return 0;
}

const struct ms_method ms_method_emergency_stop = {
	.name = "emergency.stop",
	.role = MS_ROLE_ADMIN,
	.changes = true,
	.params = stop_params,
	.n_params = MS_ARRAY_LEN(stop_params),
	.run = run_stop,
};

static int run_lift(struct ms_call *call, const struct ms_arg *args, struct ms_fault *fault)
{
	bool was_up = false;
	char by[BY_BYTES];
	struct ms_jw *jw;
	int r = ms_emergency_lift(call->peer->s->emergency, name_peer(call->peer, by), &was_up,
				  &fault->error);

	(void)args; /* none */
	if (r < 0)
		return r;
	jw = ms_call_begin(call, /* n_fds= */ 0);
	if (jw)
		ms_jw_bool(jw, "wasRaised", was_up);
	ms_call_answer(call, jw, NULL, 0);
	return 0;
}

const struct ms_method ms_method_emergency_lift = {
	.name = "emergency.lift",
	.role = MS_ROLE_ADMIN,
	.changes = true,
	.run = run_lift,
};
