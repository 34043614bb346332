/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exec-plan.c - the plan of a command that joins an instance: the instance's own, with another
 * program and other descriptors. Everything that confines stays as it was made for the module: ids,
 * limits, Landlock's rules, both filters. Pure.
 */
#include <string.h>

#include "supervisor/daemon/box-exec.h"

/* Of the module's main process alone: its sockets, and what it says to its shim. */
static bool is_mains(struct ms_str env)
{
	static const char *const names[] = {"LISTEN_PID=",    "LISTEN_FDS=",	"LISTEN_FDNAMES=",
					    "NOTIFY_SOCKET=", "WATCHDOG_USEC=", "WATCHDOG_PID="};

	for (size_t i = 0; i < MS_ARRAY_LEN(names); i++) {
		if (strncmp(env.p, names[i], strlen(names[i])) == 0)
			return true;
	}
	return false;
}

static bool same_name(struct ms_str a, struct ms_str b)
{
	const char *end = memchr(a.p, '=', a.len);
	size_t len = end ? (size_t)(end - a.p) + 1 : a.len;

	return len <= b.len && memcmp(a.p, b.p, len) == 0;
}

static int replace_env(struct ms_plan *plan, const struct ms_box_exec_spec *spec,
		       struct ms_error *err)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < plan->n_env; i++) {
		bool replaced = is_mains(plan->env[i]);

		for (uint32_t k = 0; k < spec->n_env; k++)
			replaced = replaced || same_name(plan->env[i], spec->env[k]);
		if (!replaced)
			plan->env[n++] = plan->env[i];
	}
	if (spec->n_env > MS_ARRAY_LEN(plan->env) - n)
		return ms_error_say(err, E2BIG, MS_REASON_PARAMS_INVALID,
				    "%u environment variables in all; %zu are possible",
				    n + spec->n_env, MS_ARRAY_LEN(plan->env));
	for (uint32_t k = 0; k < spec->n_env; k++)
		plan->env[n++] = spec->env[k];
	plan->n_env = n;
	return 0;
}

int ms_box_exec_plan(const void *bytes, size_t len, const struct ms_box_exec_spec *spec,
		     const enum ms_fd_role *roles, uint32_t n_roles, void **ret, size_t *ret_len,
		     struct ms_error *err)
{
	static struct ms_plan plan; /* large, and only used inside this function */
	const char *why;
	int r;

	if (ms_plan_decode(bytes, len, &plan) < 0) {
		ms_error_say(err, EPROTO, MS_REASON_SHIM_OUTDATED,
			     "the instance was started by another version of modsupd, whose plan "
			     "this one does not read");
		return ms_error_hint(err, "restart the module: what starts now can be joined");
	}
	ms_assert(n_roles <= MS_MAX_PLAN_FDS && spec->n_argv <= MS_MAX_ARGV);
	plan.n_mounts = 0; /* they are there */
	plan.flags &= ~MS_PLAN_TIOCSCTTY;
	if (spec->tty)
		plan.flags |= MS_PLAN_TIOCSCTTY;
	memcpy(plan.fds, roles, sizeof(*roles) * n_roles);
	plan.n_fds = n_roles;
	memcpy(plan.argv, spec->argv, sizeof(*spec->argv) * spec->n_argv);
	plan.n_argv = spec->n_argv;
	plan.log_bytes = 0;
	plan.watchdog_usec = 0; /* the main process's alone, as is being ready */
	plan.flags &= ~MS_PLAN_READY_NOTIFY;
	r = replace_env(&plan, spec, err);
	if (r < 0)
		return r;
	why = ms_plan_verify(&plan);
	if (why)
		return ms_error_say(err, EINVAL, MS_REASON_INTERNAL,
				    "the command's plan is not sound: %s", why);
	r = ms_plan_encode(&plan, ret, ret_len);
	return r < 0 ? ms_error_set(err, -r, "encode the command's plan") : 0;
}
