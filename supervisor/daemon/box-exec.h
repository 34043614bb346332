/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * box-exec.h - one command inside a running box: its plan, made from the box's own; its helper,
 *from birth to end. Knows nothing of requests or events: exec.c uses it.
 *
 *	open ---> spawning ---> handed over ---> parked ---> running ---> ended (on_end, once)
 *	   \----------\---------------\-------------\----------^
 */
#ifndef MS_DAEMON_BOX_EXEC_H
#define MS_DAEMON_BOX_EXEC_H

#include "lib/base.h"
#include "lib/error.h"
#include "lib/shimwire.h"
#include "policy/build.h"

struct ms_box;
struct ms_box_exec;
struct ms_supervisor;

struct ms_box_exec_end {
	bool exited; /* `exit` says how; else it never ran, or its helper was lost: `error` */
	struct ms_shim_exit exit;
	struct ms_error error;
};

struct ms_box_exec_ops {
	/* Set up and waiting, its filter on: @listener and @taken go to the box's shim
	 * (ms_box_listen_to), whose word on @taken lets it run. -errno with @err: it never does. */
	int (*on_parked)(void *data, int listener, int taken, struct ms_error *err);
	void (*on_started)(void *data, uint32_t pid);
	/* last; the thing is free to be freed in it */
	void (*on_end)(void *data, const struct ms_box_exec_end *end);
};

/* Descriptors are borrowed for the call. */
struct ms_box_exec_spec {
	uint32_t main_pid; /* of the module, on the host */
	const struct ms_str *argv;
	uint32_t n_argv;
	const struct ms_str *env; /* "NAME=value", in place of the plan's of the same name */
	uint32_t n_env;
	bool tty;
	int std[3];	       /* the terminal's slave in the first for a tty */
	int flag;	       /* readable: the emergency flag; -EBADF = none */
	uint64_t timeout_usec; /* until it runs */
};

/* ms_box_exec_open - 0 and on_end will be called once, later; -errno with @err and nothing is left.
 * @spec's pointers and @box are not kept. */
MS_MUST_CHECK int ms_box_exec_open(struct ms_supervisor *s, struct ms_box *box,
				   const struct ms_box_exec_spec *spec,
				   const struct ms_box_exec_ops *ops, void *data,
				   struct ms_box_exec **ret, struct ms_error *err);
/* ms_box_exec_plan - the bytes (free) of the plan of a command, from those of its box. @roles: of
 * the descriptors that will follow it. Pure. */
MS_MUST_CHECK int ms_box_exec_plan(const void *plan, size_t plan_len,
				   const struct ms_box_exec_spec *spec,
				   const enum ms_fd_role *roles, uint32_t n_roles, void **ret,
				   size_t *ret_len, struct ms_error *err);
void ms_box_exec_kill(struct ms_box_exec *exec);		/* on_end follows */
struct ms_box_exec *ms_box_exec_free(struct ms_box_exec *exec); /* and all that is left of it */

#endif
