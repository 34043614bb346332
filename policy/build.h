/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * build.h - from a policy and a host to a plan. One input structure, one builder that each layer
 * fills its part of; strings of the plan live in the builder's arena or in the input. Pure.
 */
#ifndef MS_POLICY_BUILD_H
#define MS_POLICY_BUILD_H

#include "lib/arena.h"
#include "lib/base.h"
#include "lib/error.h"
#include "policy/config.h"
#include "policy/host.h"
#include "policy/inspection.h"
#include "policy/plan.h"
#include "policy/policy.h"

enum ms_plan_stdio { MS_PLAN_STDIO_LOG, MS_PLAN_STDIO_GIVEN, MS_PLAN_STDIO_TTY };

/* Places in the list of descriptors that carry trees; -1 = not there. */
struct ms_plan_trees {
	int usr, etc, top; /* the base runtime; top: the host's /, for hosts whose /bin and /lib are
			      folders */
	int bundle;	   /* the module's folder */
	int state;	   /* the tenant's writable folders, named as the manifest names them */
	int program; /* a file put at /run/modsup/program (a one-shot's own), read and execute */
};

struct ms_plan_input {
	const struct ms_policy *policy;
	const struct ms_layout *layout; /* of the bundle; NULL without one */
	const struct ms_host *host;
	const struct ms_config *config;
	uint8_t launch_id[16];
	uint32_t shim_uid, module_uid;
	struct ms_str instance;	   /* hex */
	const struct ms_str *argv; /* in place of the manifest's; n_argv 0 = the manifest's */
	uint32_t n_argv;
	enum ms_plan_stdio stdio;
	enum ms_fd_role roles[MS_MAX_PLAN_FDS]; /* of the descriptors that will be sent, in order */
	uint32_t n_fds;
	struct ms_plan_trees trees;
	struct ms_str filter, shim_filter;
	uint32_t newest_nr;
	const uint32_t *kill_nrs;
	uint32_t n_kill_nrs;
	uint64_t log_bytes;
};

struct ms_builder {
	const struct ms_plan_input *in;
	struct ms_plan *plan;
	struct ms_arena *arena;
	const char *overflow; /* what did not fit, NULL = nothing */
};

/* ms_plan_build - fill @ret. 0, -ENOMEM, or -errno with @err filled (something asked for does not
 * fit a plan). */
MS_MUST_CHECK int ms_plan_build(const struct ms_plan_input *in, struct ms_arena *arena,
				struct ms_plan *ret, struct ms_error *err);

/* The layers' parts; each only adds. */
void ms_build_mounts(struct ms_builder *b);
void ms_build_etc(struct ms_builder *b);
void ms_build_proc(struct ms_builder *b);
void ms_build_rlimits(struct ms_builder *b);
void ms_build_landlock(struct ms_builder *b);
void ms_build_env(struct ms_builder *b);

/* ms_builder_mount - the next mount step, zeroed; a scratch one (and b->overflow) when there is no
 * more room. */
struct ms_plan_mount *ms_builder_mount(struct ms_builder *b, enum ms_mount_op op,
				       const char *target);
struct ms_str ms_builder_text(struct ms_builder *b, const char *text);

/* ms_builder_notifies - does the module get a NOTIFY_SOCKET? */
bool ms_builder_notifies(const struct ms_builder *b);

/* Where that socket is, inside; with the slash before it in the environment. */
#define MS_NOTIFY_TARGET "run/modsup/notify"

#define MS_STR_LIT(text) ((struct ms_str){.p = (text), .len = sizeof(text) - 1})
#define MS_INSIDE_UID	 1000u

#endif
