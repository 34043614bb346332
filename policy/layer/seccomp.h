/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * seccomp.h - the system calls of a profile as reviewable data: one row a call, its verdict, what
 * its arguments may be, and why. Compiled by supervisor/daemon/layer/seccomp.c, answered by
 * shim/layer/seccomp.c. Pure.
 */
#ifndef MS_POLICY_LAYER_SECCOMP_H
#define MS_POLICY_LAYER_SECCOMP_H

#include "lib/base.h"

enum ms_verdict {
	MS_VERDICT_ALLOW,
	MS_VERDICT_QUIET,  /* an errno, not told: a probe that libraries make and live without */
	MS_VERDICT_REPORT, /* EPERM and a violation; also of every call that has no row */
	MS_VERDICT_KILL,   /* a critical violation and the end of the module */
	MS_VERDICT_COUNT
};

/* One test of an argument; a row's tests must all hold. */
struct ms_arg_test {
	bool used;
	uint8_t arg;   /* 0-5 */
	uint64_t mask; /* 0xffffffff for what the kernel takes as int: bits above are not looked at
			*/
	uint64_t value;
};

struct ms_call_rule {
	const char *name; /* as libseccomp knows it; unknown to this libseccomp = the row is left
			     out (and then reported) */
	enum ms_verdict verdict;
	int error; /* QUIET: positive errno */
	struct ms_arg_test tests[3];
	const char *why; /* for QUIET and KILL and argument tests; may be NULL for plain ALLOW */
};

struct ms_call_profile {
	const char *name;
	const struct ms_call_rule *rules;
	size_t n_rules;
};

/* The profile of a module, of the shim itself, of modsupd itself. Static, never NULL. */
const struct ms_call_profile *ms_seccomp_module_profile(void);
const struct ms_call_profile *ms_seccomp_shim_profile(void);
const struct ms_call_profile *ms_seccomp_daemon_profile(void);

#endif
