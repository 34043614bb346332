/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * emergency.h - the emergency flag as modsupd uses it: while it is raised nothing starts, and what
 * ran has been ended. It is raised and lifted here (emergency.stop, emergency.lift), or by
 * modsupctl without us; both only through the file, which this daemon watches. Called by main.c,
 * capacity.c (before each start), end.c and the methods.
 */
#ifndef MS_DAEMON_EMERGENCY_H
#define MS_DAEMON_EMERGENCY_H

#include "lib/base.h"
#include "lib/error.h"
#include "policy/json.h"

struct ms_emergency;
struct ms_supervisor;

/* ms_emergency_new - the flag's file, made when it is missing, and <runtime>/cgroups for modsupctl.
 * A flag that cannot be had is no failure here: then nothing starts, and each start tries again. */
MS_MUST_CHECK int ms_emergency_new(struct ms_supervisor *s, struct ms_emergency **ret,
				   struct ms_error *err);
struct ms_emergency *ms_emergency_free(struct ms_emergency *emergency);
/* ms_emergency_begin - once, when what a predecessor left running has been taken over: raised, it
 * all ends now. */
void ms_emergency_begin(struct ms_emergency *emergency);

/* ms_emergency_admit - may anything start? 0, or -errno with reason `emergency`. */
MS_MUST_CHECK int ms_emergency_admit(struct ms_emergency *emergency, struct ms_error *err);
/* ms_emergency_is_up - asked of the file, for the cause of an end. */
bool ms_emergency_is_up(struct ms_emergency *emergency);
/* ms_emergency_flag - the file, open for reading, for a shim; borrowed. -EBADF: there is none, and
 * nothing may be launched. */
int ms_emergency_flag(const struct ms_emergency *emergency);

/* ms_emergency_stop - raise it and end every module. @ret_killed: instances that were there.
 * Raised already: the first reason stays, and what runs is ended again. */
MS_MUST_CHECK int ms_emergency_stop(struct ms_emergency *emergency, struct ms_str reason,
				    const char *by, uint32_t *ret_killed, struct ms_error *err);
/* ms_emergency_lift - 0 also when it was not raised; a damaged file is made whole. */
MS_MUST_CHECK int ms_emergency_lift(struct ms_emergency *emergency, const char *by,
				    bool *ret_was_up, struct ms_error *err);
/* ms_emergency_look - what the file says by now, acted upon. */
void ms_emergency_look(struct ms_emergency *emergency);
/* ms_emergency_write - {since, by, reason} as the member @key, null when it is not raised. */
void ms_emergency_write(struct ms_emergency *emergency, struct ms_jw *jw, const char *key);

#endif
