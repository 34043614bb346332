/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exec.h - commands executed into running instances: who asked, what was told of it, how many there
 * are. Each is attached to the connection that asked for it, and each is an event before it runs
 * and one after. Called by method-exec.c, rpc.c (peers that go) and main.c.
 */
#ifndef MS_DAEMON_EXEC_H
#define MS_DAEMON_EXEC_H

#include <sys/types.h>

#include "lib/base.h"
#include "lib/error.h"
#include "modsup/limits.h"

struct ms_execs;
struct ms_instance;
struct ms_supervisor;

struct ms_exec_request {
	struct ms_instance *instance;
	struct ms_str command[MS_MAX_ARGV];
	uint32_t n_command;
	struct ms_str env[MS_MAX_ENV]; /* "NAME=value" */
	uint32_t n_env;
	bool tty;
	uint16_t tty_rows, tty_cols;
	uid_t uid;	   /* of who asks */
	pid_t pid;	   /* the same; for the event alone */
	const void *owner; /* the connection: its end ends the command; compared only */
};

/* What ended; valid for the call. */
struct ms_exec_end {
	struct ms_str exec, instance;
	bool by_signal;
	uint8_t value;		      /* code or signal */
	const struct ms_error *error; /* its helper was lost, or it never ran: why; else NULL */
};

/* Called exactly once, never from inside ms_exec_start(): it runs (@error NULL; @fds as those of a
 * start with streams, taken by MS_TAKE_FD or closed), or it never will. */
typedef void (*ms_exec_fn)(void *data, const char *exec, const struct ms_error *error, int *fds,
			   uint32_t n_fds);
/* What ran has ended; not called for an owner that was forgotten. */
typedef void (*ms_exec_end_fn)(const void *owner, const struct ms_exec_end *end);

/* ms_exec_start - 0 and @fn later, or -errno with @err: not running, too many, no plan for it. */
MS_MUST_CHECK int ms_exec_start(struct ms_supervisor *s, const struct ms_exec_request *req,
				ms_exec_fn fn, ms_exec_end_fn end_fn, void *data,
				struct ms_error *err);
/* ms_exec_cancel - the command that @data waits for is given up; no answer comes any more. False:
 * it runs already, or there is none. */
bool ms_exec_cancel(struct ms_supervisor *s, const void *data);
/* ms_exec_forget_data - @data's answer is not wanted any more; the command, if it comes to run,
 * runs until its owner goes. */
void ms_exec_forget_data(struct ms_supervisor *s, const void *data);
/* ms_exec_forget_owner - its commands are killed. */
void ms_exec_forget_owner(struct ms_supervisor *s, const void *owner);
/* ms_execs_free - and kill what is left. NULL is fine. */
struct ms_execs *ms_execs_free(struct ms_execs *execs);

#endif
