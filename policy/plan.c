/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan.c - policy + host -> plan, one layer after the other. Reads nothing but its input.
 */
#include "policy/plan.h"

#include <string.h>

#include "policy/build.h"

struct ms_plan_mount *ms_builder_mount(struct ms_builder *b, enum ms_mount_op op,
				       const char *target)
{
	static struct ms_plan_mount scratch; /* written, never read */
	struct ms_plan_mount *m = &scratch;

	if (b->plan->n_mounts < MS_MAX_MOUNT_OPS)
		m = &b->plan->mounts[b->plan->n_mounts++];
	else
		b->overflow = "mount steps";
	*m = (struct ms_plan_mount){
		.op = op,
		.target = ms_builder_text(b, target),
		.source = MS_STR_LIT(""),
		.data = MS_STR_LIT(""),
	};
	return m;
}

struct ms_str ms_builder_text(struct ms_builder *b, const char *text)
{
	return ms_arena_str(b->arena, text, strlen(text));
}

/* A oneshot has nobody who waits for it to be ready, and its end is what it says. */
bool ms_builder_notifies(const struct ms_builder *b)
{
	switch (b->in->policy->manifest->mode) {
	case MS_MODE_SERVICE:
	case MS_MODE_WORKER:
		return true;
	case MS_MODE_ONESHOT:
	case MS_MODE_COUNT:
		break;
	}
	return false;
}

static void build_flags(struct ms_builder *b)
{
	const struct ms_host *host = b->in->host;
	ms_plan_flags flags = 0;

	if (host->memfd_noexec)
		flags |= MS_PLAN_MEMFD_NOEXEC;
	if (host->protect_shim)
		flags |= MS_PLAN_OOM_SHIM;
	if (host->landlock_abi)
		flags |= MS_PLAN_LANDLOCK;
	if (host->wait_killable)
		flags |= MS_PLAN_WAIT_KILLABLE;
	if (b->in->stdio == MS_PLAN_STDIO_TTY)
		flags |= MS_PLAN_TIOCSCTTY;
	if (ms_builder_notifies(b) && b->in->policy->manifest->readiness == MS_READY_NOTIFY)
		flags |= MS_PLAN_READY_NOTIFY;
	b->plan->flags = flags;
}

static void build_seccomp(struct ms_builder *b)
{
	const struct ms_plan_input *in = b->in;
	struct ms_plan *plan = b->plan;

	plan->filter = in->filter;
	plan->shim_filter = in->shim_filter;
	plan->newest_nr = in->newest_nr;
	for (uint32_t i = 0; i < in->n_kill_nrs; i++) {
		if (plan->n_kill_nrs == MS_MAX_KILL_CALLS) {
			b->overflow = "calls that end the module";
			return;
		}
		plan->kill_nrs[plan->n_kill_nrs++] = in->kill_nrs[i];
	}
	plan->tarpit_after = (uint32_t)MS_MIN(in->config->tarpit_after, (uint64_t)UINT32_MAX);
	plan->tarpit_usec = (uint32_t)MS_MIN(in->config->tarpit_usec, (uint64_t)UINT32_MAX);
	plan->kill_after = (uint32_t)MS_MIN(in->config->kill_after, (uint64_t)UINT32_MAX);
}

/* The command: as asked, or the manifest's. A relative one is the bundle's own file. */
static void build_program(struct ms_builder *b)
{
	const struct ms_plan_input *in = b->in;
	const struct ms_manifest *m = in->policy->manifest;
	const struct ms_str *argv = in->n_argv ? in->argv : m->argv;
	struct ms_plan *plan = b->plan;

	plan->n_argv = in->n_argv ? in->n_argv : m->n_argv;
	if (plan->n_argv > MS_MAX_ARGV) {
		plan->n_argv = 0;
		b->overflow = "arguments";
	}
	for (uint32_t i = 0; i < plan->n_argv; i++)
		plan->argv[i] = ms_arena_str(b->arena, argv[i].p, argv[i].len);
	if (plan->n_argv && plan->argv[0].len && plan->argv[0].p[0] != '/')
		plan->argv[0] =
			ms_arena_strf(b->arena, "/module/%.*s", (int)argv[0].len, argv[0].p);
	plan->cwd = in->trees.bundle >= 0 || in->trees.state >= 0 ? MS_STR_LIT("/module")
								  : MS_STR_LIT("/tmp");
	plan->umask = 022;
	plan->log_bytes = in->log_bytes;
	plan->watchdog_usec = ms_builder_notifies(b) ? m->watchdog_usec : 0;
}

int ms_plan_build(const struct ms_plan_input *in, struct ms_arena *arena, struct ms_plan *ret,
		  struct ms_error *err)
{
	struct ms_builder b = {.in = in, .plan = ret, .arena = arena};
	const char *why;

	memset(ret, 0, sizeof(*ret));
	memcpy(ret->launch_id, in->launch_id, sizeof(ret->launch_id));
	memcpy(ret->policy_hash, in->policy->hash, sizeof(ret->policy_hash));
	ret->shim_uid = in->shim_uid;
	ret->module_uid = in->module_uid;
	ret->inside_uid = MS_INSIDE_UID;
	ret->hostname = MS_STR_LIT("module");
	memcpy(ret->fds, in->roles, sizeof(ret->fds));
	ret->n_fds = in->n_fds;
	build_flags(&b);
	ms_build_mounts(&b);
	ms_build_rlimits(&b);
	ms_build_landlock(&b);
	build_seccomp(&b);
	build_program(&b);
	ms_build_env(&b);
	if (arena->error)
		return ms_error_set(err, -arena->error, "build the plan");
	if (b.overflow)
		return ms_error_say(err, E2BIG, MS_REASON_HOST_FULL, "the plan has too many %s",
				    b.overflow);
	why = ms_plan_verify(ret);
	if (why)
		return ms_error_say(err, EINVAL, MS_REASON_INTERNAL, "the plan is not sound: %s",
				    why);
	return 0;
}
