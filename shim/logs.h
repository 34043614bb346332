/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * logs.h - the module's stdout and stderr into its log, line by line: bounded in bytes and in bytes
 * a second, whatever the module writes, and nothing of it is interpreted but newlines.
 */
#ifndef MS_SHIM_LOGS_H
#define MS_SHIM_LOGS_H

#include "shim/shim.h"

/* Each has a pipe of its own. */
enum ms_log_source { MS_LOG_STDOUT, MS_LOG_STDERR, MS_LOG_SOURCES };

void ms_logs_init(const struct ms_shim *shim);
/* ms_logs_pump - move what the pipe of @source holds, a bounded amount at a time. True while there
 * may be more. */
bool ms_logs_pump(struct ms_shim *shim, enum ms_log_source source);
/* ms_logs_tick - write what waited for its time; when to call again, UINT64_MAX for never. */
uint64_t ms_logs_tick(struct ms_shim *shim, uint64_t now);
void ms_logs_finish(struct ms_shim *shim); /* nobody writes any more */
/* ms_logs_dropped - bytes of the module that are not in the log. */
uint64_t ms_logs_dropped(void);
/* ms_logs_tail - the last lines of stderr, as many as fit @cap; how many bytes. */
size_t ms_logs_tail(char *buf, size_t cap);

#endif
