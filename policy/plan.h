/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan.h - one launch on one host, complete: ids, mounts, limits, filters, program. Made by
 * policy/plan.c (pure) from a policy and the host's facts, encoded once into a sealed memfd,
 * decoded by the shim, which does what it says and nothing else. The root file system enters as
 * mount file descriptors, the cgroup layout as descriptors to join, so that another launcher (an
 * OCI front) can fill the same plan. Strings borrow from the bytes they were decoded from.
 */
#ifndef MS_POLICY_PLAN_H
#define MS_POLICY_PLAN_H

#include "lib/base.h"
#include "lib/error.h"
#include "modsup/limits.h"

#define MS_PLAN_VERSION 2u

/* One step of building the new root, done in order. `target` is a clean path relative to the new
 * root; it and its parents are on file systems that this plan made itself (ms_plan_verify). */
enum ms_mount_op {
	MS_OP_TMPFS,   /* mount a new tmpfs at target: size, inodes, mode, uid/gid of its root */
	MS_OP_DIR,     /* make a folder */
	MS_OP_FILE,    /* make a file with `data` */
	MS_OP_SYMLINK, /* make a link to `source` */
	MS_OP_DEVICE,  /* make a character device: size = makedev(major, minor) */
	MS_OP_ATTACH,  /* clone the tree `source` (beneath fd number `fd`; "" = the fd itself) and
			* attach it at target,  which the step makes: a folder or an empty file, as
			* the source is */
	MS_OP_PROC,    /* mount this pid namespace's procfs at target, others' processes hidden */
	MS_OP_MASK, /* cover an existing file or folder of that procfs with nothing (absent: skip)
		     */
	MS_OP_REPLACE, /* cover an existing file of that procfs with one that holds `data` (absent:
			  skip) */
	MS_OP_PROC_ONLY, /* cover an existing folder of that procfs, but for the files and folders
			  * in it that `data` names, one clean path a line, which stay, read-only
			  * (absent: skip) */
	MS_OP_SEAL,	 /* make the mount at target read-only, now that it is filled */
	MS_OP_NOTIFY,	 /* make a datagram socket that only uid may write to, for sd_notify(3); the
			  * shim reads it. One at most. */
	MS_OP_COUNT
};

struct ms_plan_mount {
	enum ms_mount_op op;
	uint8_t fd;	/* ATTACH: index into the plan's fds */
	uint32_t attrs; /* MS_MOUNT_ATTR_* for the mount */
	uint32_t mode;	/* permission bits */
	uint32_t uid, gid;
	uint64_t size, inodes;
	struct ms_str target, source, data;
};

/* What each descriptor that follows the plan in the hand-over message is for. */
enum ms_fd_role {
	MS_FD_ATTACH,	   /* a tree or folder that ATTACH steps name by index */
	MS_FD_CGROUP_JOIN, /* cgroup.procs, open for writing: the module's child writes "0" */
	MS_FD_CGROUP_KILL, /* cgroup.kill of the payload group (v2) */
	MS_FD_STDIN,
	MS_FD_STDOUT,
	MS_FD_STDERR,
	MS_FD_TTY,    /* a terminal for 0, 1, 2 and control */
	MS_FD_LOG,    /* log files, two: filled in turn */
	MS_FD_LISTEN, /* a bound socket: the module's child calls listen() and passes it on, in
			 order */
	MS_FD_HOLD,   /* locks on the ids: the shim only keeps them open */
	MS_FD_ADOPT,  /* a bound SOCK_SEQPACKET socket: the shim listens there for a successor */
	MS_FD_FLAG,   /* the emergency flag: read last before exec; anything but '0' is no */
	MS_FD_COUNT
};

struct ms_plan_rlimit {
	uint32_t resource;
	uint64_t soft, hard;
};

struct ms_plan_landlock {
	struct ms_str path; /* absolute, inside; absent ones are skipped when optional */
	uint64_t access;    /* LANDLOCK_ACCESS_FS_* */
	bool optional;
};

typedef uint32_t ms_plan_flags;
#define MS_PLAN_MEMFD_NOEXEC (1u << 0) /* write vm.memfd_noexec = 2 */
#define MS_PLAN_OOM_SHIM                                                                           \
	(1u << 1) /* the host lets us protect the shim; else the payload volunteers */
#define MS_PLAN_LANDLOCK                                                                           \
	(1u << 2) /* required; without the flag the layer is left out (optional on this host) */
#define MS_PLAN_TIOCSCTTY     (1u << 3) /* the tty becomes the controlling terminal */
#define MS_PLAN_WAIT_KILLABLE (1u << 4) /* SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV exists (5.19) */
#define MS_PLAN_READY_NOTIFY  (1u << 5) /* the module says when it is ready: the watchdog waits */
#define MS_PLAN_FLAGS_ALL     ((1u << 6) - 1)

struct ms_plan {
	uint8_t launch_id[16];	 /* random */
	uint8_t policy_hash[32]; /* of the policy it was made from */
	ms_plan_flags flags;
	uint32_t shim_uid, module_uid, inside_uid;
	struct ms_str hostname;

	struct ms_plan_mount mounts[MS_MAX_MOUNT_OPS];
	uint32_t n_mounts;
	enum ms_fd_role fds[MS_MAX_PLAN_FDS];
	uint32_t n_fds;
	struct ms_plan_rlimit rlimits[MS_MAX_RLIMITS];
	uint32_t n_rlimits;

	uint64_t landlock_fs, landlock_net,
		landlock_scoped; /* what the ruleset handles, for this host's ABI */
	struct ms_plan_landlock landlock[MS_MAX_LANDLOCK];
	uint32_t n_landlock;

	struct ms_str filter;	   /* struct sock_filter[], the module's */
	struct ms_str shim_filter; /* the shim's own; "" = none (test builds) */
	uint32_t newest_nr;	   /* calls above are answered ENOSYS */
	uint32_t kill_nrs[MS_MAX_KILL_CALLS];
	uint32_t n_kill_nrs;
	uint32_t tarpit_after; /* refused calls a second */
	uint32_t tarpit_usec;  /* each answer then */
	uint32_t kill_after;   /* answers out of the tarpit */

	struct ms_str argv[MS_MAX_ARGV];
	uint32_t n_argv;
	struct ms_str env[MS_MAX_ENV * 2]; /* "NAME=value"; "LISTEN_PID=" and "WATCHDOG_PID=" are
					    * completed inside */
	uint32_t n_env;
	struct ms_str cwd;
	uint32_t umask;
	uint64_t log_bytes;	/* cap of each log file */
	uint64_t watchdog_usec; /* WATCHDOG=1 has to come at least so often; 0 = none */
};

/* ms_plan_encode - the bytes of @plan, owned by the caller (free). -ENOMEM, -E2BIG. */
MS_MUST_CHECK int ms_plan_encode(const struct ms_plan *plan, void **ret, size_t *ret_len);

/* ms_plan_decode - 0 or -EBADMSG. Strict, and everything ms_plan_verify() asks holds. No allocation
 * (the shim). */
MS_MUST_CHECK int ms_plan_decode(const void *data, size_t len, struct ms_plan *ret);

/* ms_plan_verify - internal rules: clean targets whose parents the plan itself made, fd indexes and
 * roles in range, required fds present once, counts. Returns a static text of what is wrong, or
 * NULL. */
const char *ms_plan_verify(const struct ms_plan *plan);

#endif
