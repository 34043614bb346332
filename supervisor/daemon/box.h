/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * box.h - one sandbox from its first group to its last: made, watched, ended, cleaned up. Knows
 *nothing of instances, requests or events: instance.c uses it for the module and for the inspector
 *before it.
 *
 *	open ---> spawning ---> handed over ---> running ---> ended (on_end, once)
 *	   \----------\---------------\------------------------^
 */
#ifndef MS_DAEMON_BOX_H
#define MS_DAEMON_BOX_H

#include "lib/base.h"
#include "lib/error.h"
#include "lib/shimwire.h"
#include "policy/build.h"
#include "supervisor/daemon/layer/cgroup.h"

struct ms_supervisor;
struct ms_box;

enum ms_box_cause {
	MS_BOX_EXITED,	  /* code or signal in `exit` */
	MS_BOX_FAILED,	  /* never ran: `error` */
	MS_BOX_SHIM_LOST, /* the shim died and its module with it */
	MS_BOX_DEADLINE,  /* the launch took too long */
};

struct ms_box_end {
	enum ms_box_cause cause;
	struct ms_shim_exit exit;
	struct ms_error error;
	struct ms_cgroup_memory memory;
	uint64_t fork_failures;
	uint64_t cpu_usec;
	bool killed; /* ms_box_kill() was called */
};

/* What a successor of this daemon must know to find the shim again. */
struct ms_box_birth {
	uint32_t shim_pid;
	uint64_t shim_start; /* clock ticks since boot */
	uint32_t shim_uid, module_uid;
	const uint8_t *launch_id; /* 16 bytes */
	const uint8_t *plan_hash; /* 32 bytes: SHA-256 of the sealed plan */
};

/* It runs: exec'd just now, or found again. */
struct ms_box_started {
	uint32_t pid;	 /* on the host; 0 = ended since */
	bool adopted;	 /* from a dead daemon ... */
	bool ready;	 /* ... that was told READY=1 */
	bool outdated;	 /* ... and was of the version before */
	uint64_t denied; /* ... and had so many calls refused so far */
	int *listen;	 /* ... with its listening sockets: taken by MS_TAKE_FD or closed */
	uint32_t n_listen;
};

struct ms_box_ops {
	/* The shim exists and has no plan yet; a failure ends it. May be NULL. */
	int (*on_born)(void *data, const struct ms_box_birth *birth, struct ms_error *err);
	void (*on_started)(void *data, const struct ms_box_started *started);
	void (*on_notify)(void *data, const struct ms_shim_notify *notify); /* may be NULL */
	/* @pid: of the caller, on the host; 0 = gone before it could be known */
	void (*on_violation)(void *data, const struct ms_shim_violation *v, uint32_t pid);
	void (*on_memory)(void *data, const struct ms_cgroup_memory *memory); /* may be NULL */
	/* Its processes have ended, and their shim waits to hear that this was noted. Not of a shim
	 * that was lost. May be NULL. */
	void (*on_exit)(void *data, const struct ms_box_end *end);
	/* What on_exit told has gone out to whoever reads: it may be written down that it was. The
	 * shim hears so after that; a daemon which dies anywhere between leaves it to its successor
	 * to tell again. May be NULL. */
	void (*on_noted)(void *data);
	void (*on_end)(void *data,
		       const struct ms_box_end *end); /* last; the box is free to be freed in it */
};

/* Descriptors are borrowed for the call. -EBADF = none. */
struct ms_box_spec {
	const char *name; /* of the cgroups: the instance */
	const struct ms_policy *policy;
	const struct ms_layout *layout;
	const struct ms_str *argv;
	uint32_t n_argv;
	uint32_t module_uid; /* 0 = any */
	int bundle;	     /* O_PATH folder */
	int state;	     /* O_PATH folder */
	int program;	     /* O_PATH file, seen at /run/modsup/program */
	enum ms_plan_stdio stdio;
	int std[3]; /* GIVEN; the terminal's slave in std[0] for TTY */
	int log[2]; /* LOG */
	int listen[MS_MAX_LISTEN];
	uint32_t n_listen;
	int adopt; /* bound SOCK_SEQPACKET: the shim outlives this daemon and waits there */
	int flag;  /* readable: the emergency flag, looked at last before exec */
	uint64_t log_bytes;
	uint64_t launch_timeout_usec;
	uint64_t run_timeout_usec; /* from exec on; 0 = none */
};

/* ms_box_open - 0 and on_end will be called once, later; -errno with @err (its step named) and
 * nothing is left.
 * @spec's pointers are not kept. */
MS_MUST_CHECK int ms_box_open(struct ms_supervisor *s, const struct ms_box_spec *spec,
			      const struct ms_box_ops *ops, void *data, struct ms_box **ret,
			      struct ms_error *err);
/*
 * ms_box_adopt - take over a shim that a dead daemon left: connected to where it waits, and
 * verified to be what the record says (peer id, process, start time, cgroup, launch id, policy).
 * on_started comes with its HELLO, or on_end with EXIT when its module ended meanwhile. -errno: it
 * is not there, or not it (and then it was killed).
 */
struct ms_box_record {
	const char *name;   /* of the cgroups */
	const char *socket; /* path of the adoption socket */
	struct ms_box_birth birth;
	const uint8_t *policy_hash; /* 32 bytes */
};
/* birth.plan_hash: all zeros in a record of the version before, which has no such thing: then its
 * plan is not taken. */
MS_MUST_CHECK int ms_box_adopt(struct ms_supervisor *s, const struct ms_box_record *record,
			       const struct ms_box_ops *ops, void *data, struct ms_box **ret,
			       struct ms_error *err);

/* ms_box_end_recorded - end a shim that is not taken over, and with it every process of its pid
 * namespace: nobody is left to sweep its groups when they are not among this daemon's own (another
 * daemon-id, another parent). Who has its pid now is left alone when it is not the recorded one. */
void ms_box_end_recorded(const struct ms_box_record *record);

/* ms_box_free - after on_end. NULL is fine. */
struct ms_box *ms_box_free(struct ms_box *box);

void ms_box_signal(struct ms_box *box, uint8_t signo); /* to the module's main process */
void ms_box_kill_module(struct ms_box *box); /* the module's processes; the shim reports */
void ms_box_kill(struct ms_box *box);	     /* everything in it, the shim too */
/* ms_box_listen_to - a seccomp listener (of a command executed into the box) for the shim to serve,
 * and the pipe on which it writes one byte when it does; borrowed. -errno. */
MS_MUST_CHECK int ms_box_listen_to(struct ms_box *box, int listener, int taken);
uint32_t ms_box_module_uid(const struct ms_box *box);
uint32_t ms_box_shim_uid(const struct ms_box *box);
int ms_box_plan(
	const struct ms_box *box); /* the sealed plan, borrowed; -EBADF when there is none */
int ms_box_pidfd(const struct ms_box *box); /* of the shim, borrowed */
bool ms_box_is_outdated(const struct ms_box *box);
struct ms_cgroup *ms_box_cgroup(const struct ms_box *box);

#endif
