/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spawn.h - modsup-spawn: a process forked by modsupd before it restricts itself, which clones
 * shims, and helpers that join an instance, from fixed-size requests and does nothing else. It
 * parses nothing, so that the process which holds the launch capabilities, and whose seccomp state
 * every module inherits, has nothing to be attacked with (a filter that refuses what a module's own
 * filter wants to report would silence it; filters are inherited and never lifted).
 */
#ifndef MS_DAEMON_SPAWN_H
#define MS_DAEMON_SPAWN_H

#include <systemd/sd-event.h>

#include "lib/base.h"
#include "lib/error.h"

#define MS_SPAWN_MAX_JOIN 16

struct ms_spawner;

/* ms_spawner_fork - before any restriction and before the loop; @shim_fd: the shim's program. */
MS_MUST_CHECK int ms_spawner_fork(int shim_fd, struct ms_spawner **ret, struct ms_error *err);
/* ms_spawner_attach - answers from here on come through @loop. */
MS_MUST_CHECK int ms_spawner_attach(struct ms_spawner *spawner, sd_event *loop,
				    struct ms_error *err);
struct ms_spawner *ms_spawner_free(struct ms_spawner *spawner); /* it ends with its socket */
pid_t ms_spawner_pid(const struct ms_spawner *spawner);

enum ms_spawn_what {
	MS_SPAWN_SHIM,	 /* PID 1 of new namespaces */
	MS_SPAWN_HELPER, /* the same program, without namespaces of its own: it joins an instance's
			  */
	MS_SPAWN_COUNT
};

struct ms_spawn_request {
	enum ms_spawn_what what;
	int control;		     /* becomes the shim's descriptor 3 */
	int netns;		     /* to join; not of a helper */
	int join[MS_SPAWN_MAX_JOIN]; /* cgroup.procs files of the shim's groups, open for writing */
	uint32_t n_join;
};

/* @err->code 0: @pid and @pidfd (taken by MS_TAKE_FD or closed after the call). */
typedef void (*ms_spawn_fn)(void *data, const struct ms_error *err, pid_t pid, int *pidfd);

/* ms_spawn - 0 and @fn later, once; -errno and never. The request's descriptors are borrowed for
 * the call. */
MS_MUST_CHECK int ms_spawn(struct ms_spawner *spawner, const struct ms_spawn_request *req,
			   ms_spawn_fn fn, void *data, struct ms_error *err);
/* ms_spawn_forget - @data's answer, when it comes, is dropped (and the shim, seeing its socket
 * closed, ends). */
void ms_spawn_forget(struct ms_spawner *spawner, const void *data);

#endif
