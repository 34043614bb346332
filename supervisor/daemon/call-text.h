/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * call-text.h - a refused system call as a person and a backend read it: what it is called, what
 * its arguments say, which capability it would have needed, how bad it is, and what to do instead.
 * Text only: nothing here decides. Called by violation.c.
 */
#ifndef MS_SUPERVISOR_DAEMON_CALL_TEXT_H
#define MS_SUPERVISOR_DAEMON_CALL_TEXT_H

#include "lib/base.h"
#include "lib/shimwire.h"
#include "policy/json.h"
#include "supervisor/daemon/event.h"

struct ms_call_info {
	enum ms_severity severity;
	const char *class;  /* the coarse word of a violation: fs network cpu memory policy */
	const char *rule;   /* "seccomp: mount is never allowed" */
	const char *remedy; /* why it can never be granted, or what to use instead */
	const char *needs;  /* "CAP_SYS_ADMIN", or NULL: whatever the arguments are */
};

/* ms_call_info - what call @nr of @arch means when it was refused. Static, never NULL. */
const struct ms_call_info *ms_call_info(uint32_t arch, uint32_t nr);

/* ms_call_text_needs - the capability that these arguments would have needed, or NULL. Static. */
const char *ms_call_text_needs(const struct ms_shim_violation *v);

/* ms_call_text_arch - "x86_64", "x32", "i386", or "foreign". Static. */
const char *ms_call_text_arch(uint32_t arch, uint32_t nr);

/* ms_call_text_observed - the members of `observed`, into the object that @jw has open: call,
 * number, arch, args, argsAre, error, and needs where it is known. */
void ms_call_text_observed(struct ms_jw *jw, const struct ms_shim_violation *v);

#endif
