/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * shim.h - the state of one shim: PID 1 of the module's namespaces, outside its user namespace. One
 * static instance, no heap. Files: handover.c receives the plan, root.c builds the file system,
 * enter.c is the module's child up to exec, launch.c the parent's half of that, serve.c the loop
 * afterwards (successor.c with whom), notify.c the refused calls (fold.c which to tell), status.c
 * what the module says of itself, logs.c the log.
 */
#ifndef MS_SHIM_SHIM_H
#define MS_SHIM_SHIM_H

#include "lib/base.h"
#include "lib/error.h"
#include "lib/shimwire.h"
#include "policy/plan.h"

#define MS_SHIM_CONTROL_FD 3 /* where the spawner puts the control socket */

/* The version of lib/shimwire.h that this program speaks; modsup-shim-previous, which tests take
 * over as an older build's, is made with the one before. */
#ifndef MS_SHIM_SPEAKS
#	define MS_SHIM_SPEAKS MS_SHIM_VERSION
#endif

struct ms_shim {
	int control; /* SOCK_SEQPACKET to modsupd; -EBADF while there is none */
	bool joins;  /* a helper: namespaces are entered, not made ... */
	int join;    /* ... those of this main process, a pidfd; else -EBADF */
	int adopt;   /* listening, for a successor; -EBADF = whoever loses modsupd ends */
	int proc;    /* an unmasked, detached procfs of this pid namespace */
	int fds[MS_MAX_PLAN_FDS];
	struct ms_plan
		plan; /* strings borrow from the mapped plan: valid until the module has started */
	const void *plan_map;
	size_t plan_len;

	int child, child_pidfd;		   /* the module's main process; inside number */
	int sync;			   /* SOCK_SEQPACKET to the child before exec */
	int listeners[MS_SHIM_MAX_SERVED]; /* seccomp notifications: the module's, then those of
					    * commands executed into it */
	int cgroup_kill;		   /* -EBADF where there is none */
	int log_pipes[2]; /* by enum ms_log_source: read ends of the module's stdout and stderr (in
			   * the child the write ends); -EBADF when given away or ended */
	int log_files[2];
	int signals;	 /* signalfd: SIGCHLD */
	int status_sock; /* what NOTIFY_SOCKET leads to; -EBADF = the module has none */
	int flag;	 /* the emergency flag, until the module's exec */
	/* for a successor of modsupd: */
	int plan_fd;
	int listen[MS_MAX_LISTEN]; /* copies of the module's sockets */
	uint8_t n_listen;
	bool started;
};

/* Find the first descriptor with a role; -EBADF when there is none. */
int ms_shim_fd(const struct ms_shim *shim, enum ms_fd_role role);

/* handover.c - wait for PLAN, take it and its descriptors. */
MS_MUST_CHECK int ms_handover_receive(struct ms_shim *shim, struct ms_error *err);
/* The same of a helper: EXEC, with the main process of the instance to join. */
MS_MUST_CHECK int ms_handover_join(struct ms_shim *shim, struct ms_error *err);

/* root.c - build the new root from the plan's steps and pivot into it. */
MS_MUST_CHECK int ms_root_build(struct ms_shim *shim, struct ms_error *err);
int ms_root_proc(void); /* a whole procfs of this pid namespace, attached nowhere; -errno */

/* launch.c - the shim's half: prepare itself, fork the module's child, map its ids, drop to its
 * own. */
MS_MUST_CHECK int ms_launch_signals(struct ms_shim *shim, struct ms_error *err);
MS_MUST_CHECK int ms_launch_prepare(struct ms_shim *shim, struct ms_error *err);
MS_MUST_CHECK int ms_launch_child(struct ms_shim *shim, struct ms_error *err);

/* release.c - let the child exec, unless an emergency stop is in force: then -errno with that
 * reason, and the child is still parked. */
MS_MUST_CHECK int ms_release(struct ms_shim *shim, struct ms_error *err);

/* enter.c - the module's child, up to exec. */
MS_NORETURN void ms_enter_child(struct ms_shim *shim, int sync);

/* Tags of the messages on `sync`, one byte each; FAILED carries an ms_shimwire_failed() message. */
#define MS_SYNC_USERNS	 'U' /* child: the user namespace is there, map me */
#define MS_SYNC_MAPPED	 'M' /* shim: go on */
#define MS_SYNC_LISTENER 'L' /* child: the filter is on, here is its listener; parked */
#define MS_SYNC_RELEASE	 'G' /* shim: exec */
#define MS_SYNC_FAILED	 'E' /* child */

/* join.c - a helper, from EXEC to the end of its command; returns its exit status. */
int ms_join_main(struct ms_shim *shim);

/* main.c - tell modsupd why, and end with everything that hangs on this process. */
MS_NORETURN void ms_shim_die(const struct ms_shim *shim, const struct ms_error *err);

/* serve.c - until the module has ended; returns the shim's own exit status. */
int ms_serve(struct ms_shim *shim);

/* io.c - messages with descriptors on sequenced packets; -errno, received length else. *fd is
 * -EBADF when none came. */
MS_MUST_CHECK int ms_io_send(int sock, const void *data, size_t len, int fd, int flags);
MS_MUST_CHECK int ms_io_send_fds(int sock, const void *data, size_t len, const int *fds,
				 size_t n_fds, int flags); /* n_fds <= MS_SHIM_MAX_FDS */
MS_MUST_CHECK ssize_t ms_io_recv(int sock, void *data, size_t cap, int *fds, size_t max_fds,
				 size_t *ret_n, int flags);
uint64_t ms_io_now_usec(void); /* CLOCK_BOOTTIME */

#endif
