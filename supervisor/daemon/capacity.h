/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capacity.h - the host's own share: the limits of all modules together, and whether one more may
 * start. The figures are at most a second old; asking costs nothing between. Called by main.c,
 * start.c (before each launch), the reload of the configuration, and method-capacity.c.
 */
#ifndef MS_DAEMON_CAPACITY_H
#define MS_DAEMON_CAPACITY_H

#include "lib/base.h"
#include "lib/error.h"
#include "policy/json.h"
#include "policy/policy.h"

struct ms_capacity;
struct ms_supervisor;

/* ms_capacity_new - set the limits of the group above all modules, and add what was done to
 * s->host. host-lacks where this host does not let us and the layer is not optional here. */
MS_MUST_CHECK int ms_capacity_new(struct ms_supervisor *s, struct ms_capacity **ret,
				  struct ms_error *err);
struct ms_capacity *ms_capacity_free(struct ms_capacity *capacity);
/* ms_capacity_apply - the limits again, as s->config has them now: after a reload. */
MS_MUST_CHECK int ms_capacity_apply(struct ms_capacity *capacity, struct ms_error *err);

/* ms_capacity_admit - before anything starts, restarts or is executed. @policy: what it will have,
 * NULL when that is not known yet. 0, or -errno with reason `emergency` or `host-full`. */
MS_MUST_CHECK int ms_capacity_admit(struct ms_supervisor *s, const struct ms_policy *policy,
				    struct ms_error *err);
/* What a refusal with host-full is worth waiting for: the figures are read anew by then. */
#define MS_CAPACITY_RETRY_MS 1000u

/* ms_capacity_write - the members of capacity.get's result. */
void ms_capacity_write(struct ms_supervisor *s, struct ms_jw *jw);

#endif
