/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ending.h - how an instance ended, as the supervisor tells it: for people, and as an exit code.
 */
#ifndef MS_CTL_ENDING_H
#define MS_CTL_ENDING_H

#include "lib/base.h"
#include "lib/buf.h"
#include "policy/json.h"

/* ms_ending_tell - one line: @name, its state, and why. */
void ms_ending_tell(const struct ms_json *answer, const char *name, struct ms_buf *out);
/* ms_ending_how - "exit code 3", "by SIGKILL: it passed its memory limit"; nothing when it has not
 * ended. */
void ms_ending_how(const struct ms_json *answer, struct ms_buf *out);
/* ms_ending_code - the module's own exit code, 128 + n for a signal; MS_EXIT_FAILED when the answer
 * holds neither. */
int ms_ending_code(const struct ms_json *answer);
/* ms_ending_why - a sentence for an end that was not the module's own doing, NULL when it was. */
const char *ms_ending_why(const struct ms_json *answer);

#endif
