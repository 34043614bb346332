/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * foreground.h - what verb-run.c and verb-exec.c ask alike of the caller's machine.
 */
#ifndef MS_CTL_FOREGROUND_H
#define MS_CTL_FOREGROUND_H

#include "policy/json.h"

/* ms_foreground_program - a bare name is a program of the base runtime, as in a shell; the sandbox
 * has the host's /usr. Its path, owned by the caller; NULL: @name is a path, or there is none. */
char *ms_foreground_program(const char *name);
/* ms_foreground_term - the kind of the caller's terminal; NULL for none, and for a made-up one,
 * which is left to the program to guess. */
const char *ms_foreground_term(void);
/* ms_foreground_tty - its size as the member "tty". */
void ms_foreground_tty(struct ms_jw *jw);

#endif
