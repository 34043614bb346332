/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rlimit.c - the limits of the plan, hard and soft, on the module's child itself.
 */
#include "lib/layers.h"
#include "lib/sys.h"
#include "shim/layer/layer.h"

int ms_layer_rlimit_apply(const struct ms_plan *plan, struct ms_error *err)
{
	if (!MS_LAYER_ON(RLIMIT))
		return 0;
	for (uint32_t i = 0; i < plan->n_rlimits; i++) {
		const struct ms_plan_rlimit *l = &plan->rlimits[i];
		const uint64_t set[2] = {l->soft, l->hard}; /* struct rlimit64 */
		int r = ms_sys_prlimit64(0, l->resource, set, NULL);

		if (r == -EPERM) {
			ms_error_say(err, EPERM, MS_REASON_HOST_LACKS,
				     "rlimit %u to %llu is above this host's hard limit",
				     l->resource, (unsigned long long)l->hard);
			return ms_error_hint(err,
					     "raise modsupd's own hard limit (LimitNOFILE= and the "
					     "like), or ask for less in the manifest");
		}
		if (r < 0)
			return ms_error_set(err, -r, "rlimit %u to %llu", l->resource,
					    (unsigned long long)l->hard);
	}
	return 0;
}
