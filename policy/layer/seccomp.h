/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * seccomp.h - the system calls of a profile as reviewable data: one row a call, its verdict, what
 * its arguments may be, and why. The rows of one call are alternatives that exclude one another, so
 * that their order says nothing. Compiled by supervisor/daemon/layer/seccomp.c, answered by
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

enum ms_arg_op {
	MS_ARG_ANY = 0,	 /* no test */
	MS_ARG_EQ,	 /* (argument & mask) == value */
	MS_ARG_NOT_NULL, /* all 64 bits: a pointer that is given */
};

/* One test of an argument; a row's tests must all hold, and are of different arguments. */
struct ms_arg_test {
	enum ms_arg_op op;
	uint8_t arg;   /* 0-5 */
	uint64_t mask; /* 0xffffffff for what the kernel takes as int: it ignores the bits above */
	uint64_t value;
};

struct ms_call_rule {
	const char *name; /* the kernel's; one that this host's libraries do not know is left out,
			   * and so reported */
	enum ms_verdict verdict;
	int error; /* QUIET: positive errno; 0 = says that it was done, and does nothing */
	struct ms_arg_test tests[3];
	const char *why; /* for QUIET and KILL and argument tests; may be NULL for plain ALLOW */
};

struct ms_call_profile {
	const char *name;
	const struct ms_call_rule *rules;
	size_t n_rules;
};

/* ms_seccomp_module_profile - what a module may do. Static, never NULL; so are the next two. */
const struct ms_call_profile *ms_seccomp_module_profile(void);
/* ms_seccomp_shim_profile, ms_seccomp_daemon_profile - what our own programs do once they have
 * nothing more to set up; a call without a row ends the shim, and fails with ENOSYS in modsupd. */
const struct ms_call_profile *ms_seccomp_shim_profile(void);
const struct ms_call_profile *ms_seccomp_daemon_profile(void);

#endif
