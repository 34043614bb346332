/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * log.h - lines for operators, on stderr: "<N>program: text", the prefix that the journal reads as
 * a priority when stderr is the journal, left out on a terminal. Outside strings go through
 * ms_log_quote() first. Not for security facts, which are events, and not for library or layer
 * code.
 */
#ifndef MS_LIB_LOG_H
#define MS_LIB_LOG_H

#include "lib/base.h"

enum ms_log_level { MS_LOG_ERROR = 3, MS_LOG_WARNING = 4, MS_LOG_INFO = 6, MS_LOG_DEBUG = 7 };

void ms_log_open(const char *program, enum ms_log_level max); /* borrows @program */
void ms_log(enum ms_log_level level, const char *fmt, ...) MS_PRINTF(2, 3);

/* ms_log_quote - @len outside bytes, escaped and cut to fit @out; returns @out. */
const char *ms_log_quote(const char *data, size_t len, char *out, size_t out_len);

#endif
