/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * seccomp.h - a profile (policy/layer/seccomp.h) made into the filter program that the kernel runs,
 * and the names and numbers of system calls. Compiling changes nothing; installing is the shim's
 * and restrict.c's. Called by launch, restrict, doctor and call-text.
 */
#ifndef MS_SUPERVISOR_DAEMON_LAYER_SECCOMP_H
#define MS_SUPERVISOR_DAEMON_LAYER_SECCOMP_H

#include "lib/base.h"
#include "lib/error.h"

struct ms_call_profile;

/* What becomes of a call that has no row, and of one that is not in the host's own ABI. */
enum ms_bpf_default {
	MS_BPF_NOTIFY, /* modules: told to the shim; REPORT and KILL rows too */
	MS_BPF_KILL,   /* the shim: the process ends */
	MS_BPF_ENOSYS, /* modsupd; foreign ABIs end it */
	MS_BPF_DEFAULT_COUNT
};

/* struct sock_filter[], as the kernel takes it. */
struct ms_bpf {
	uint8_t *bytes; /* owned */
	size_t len;	/* bytes, a multiple of 8 */
};

void ms_bpf_done(struct ms_bpf *bpf);
static inline void ms_bpf_cleanup(struct ms_bpf *bpf)
{
	ms_bpf_done(bpf);
}

MS_MUST_CHECK int ms_seccomp_compile(const struct ms_call_profile *profile, enum ms_bpf_default how,
				     struct ms_bpf *ret, struct ms_error *err);

/* ms_seccomp_kill_numbers - the numbers of the profile's KILL rows. 0, or -E2BIG when there are
 * more than @max. */
MS_MUST_CHECK int ms_seccomp_kill_numbers(const struct ms_call_profile *profile, uint32_t *numbers,
					  uint32_t max, uint32_t *ret_n);

/* ms_seccomp_newest_nr - the newest x86-64 call that this build can judge; what is above did not
 * exist when it was made. */
uint32_t ms_seccomp_newest_nr(void);

#define MS_CALL_NAME_BYTES 32u /* the longest that Linux has is 23 */

/* ms_seccomp_name - the name of call @nr (x32 by its bit) of @arch (AUDIT_ARCH_*), written to @buf
 * and returned; NULL when nobody knows it. */
const char *ms_seccomp_name(uint32_t arch, uint32_t nr, char buf[static MS_CALL_NAME_BYTES]);

/* ms_seccomp_name_nr - the x86-64 number of @name, or -1. */
int ms_seccomp_name_nr(const char *name);

/* ms_seccomp_probe - what this kernel's seccomp can, found by doing it in a child that ends at
 * once. 0, or -errno when not even the child could be made. Before modsupd's own filter is on: the
 * child would have it too. */
struct ms_seccomp_facts {
	bool filter;	    /* a filter can be installed at all */
	bool listener;	    /* with a listener, 5.0 */
	bool wait_killable; /* SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, 5.19 */
	int filter_errno;   /* why not, positive; 0 */
	int listener_errno;
};
MS_MUST_CHECK int ms_seccomp_probe(struct ms_seccomp_facts *ret);

#endif
