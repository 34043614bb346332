/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shimwire.h - what modsupd and a shim say to each other, one message a SOCK_SEQPACKET record:
 *
 *	modsupd                         shim
 *	   PLAN + fds  ----------------->   (builds the root, forks the module, which parks)
 *	                <----------------- PARKED (or FAILED: step, errno, text)
 *	   RELEASE     ----------------->   (the module execs)
 *	                <----------------- STARTED + pidfd (or FAILED)
 *	   SIGNAL / KILL --------------->
 *	   LISTENER + 2 fds ------------>   (of a command executed into the instance, and a pipe on
 *					     which one byte says that it was taken)
 *	                <----------------- NOTIFY: READY=1, STATUS= ... as sd_notify(3) has them
 *	                <----------------- VIOLATION + pidfd, any number, folded by kind
 *	                <----------------- EXIT, last
 *	   HEARD       ----------------->   (ends; one that nobody can adopt does not wait for it)
 *
 * modsupd may die and another take its place: the shim listens on an adoption socket, says HELLO to
 *a root process that connects, and goes on with it. What it could not say meanwhile comes after
 *that.
 *
 * Header: "ms", version, type. Fields are fixed-width little-endian. Every text in a message from a
 *shim is module-made: opaque, length-capped, escaped where it is shown. A message that does not
 *decode ends the shim's connection.
 *
 * The successor may be newer than the shim: both versions are understood by everybody, and modsupd
 *answers in the version in which the shim spoke last. Version 1 has no NOTIFY, LISTENER and EXEC,
 *and less in EXIT and HELLO.
 */
#ifndef MS_LIB_SHIMWIRE_H
#define MS_LIB_SHIMWIRE_H

#include "lib/base.h"
#include "lib/error.h"
#include "modsup/limits.h"

#define MS_SHIM_VERSION	   2u /* spoken by this build */
#define MS_SHIM_OLDEST	   1u /* still understood */
#define MS_SHIM_MAX_BYTES  4096u
#define MS_SHIM_MAX_FDS	   (2u + MS_MAX_LISTEN) /* with one message from a shim: HELLO */
#define MS_SHIM_MAX_SERVED (1u + MS_MAX_EXECS)	/* seccomp listeners of one shim */

enum ms_shim_type {
	MS_SHIM_PLAN = 1,
	MS_SHIM_RELEASE = 2,
	MS_SHIM_SIGNAL = 3,   /* to the module's main process */
	MS_SHIM_KILL = 4,     /* every process of the module */
	MS_SHIM_HEARD = 5,    /* EXIT was read: the shim may end */
	MS_SHIM_LISTENER = 6, /* + fds: another seccomp listener to serve, a pipe for the answer */
	MS_SHIM_EXEC = 7,     /* to a helper that joins an instance, in place of PLAN; + fds */
	MS_SHIM_FAILED = 64,
	MS_SHIM_PARKED = 65,
	MS_SHIM_STARTED = 66,
	MS_SHIM_VIOLATION = 67,
	MS_SHIM_EXIT = 68,
	MS_SHIM_HELLO = 69, /* + pidfd of the main process while it lives; from version 2 on the
			     * listening sockets and the sealed plan too */
	MS_SHIM_NOTIFY = 70,
};

/* How an argument was read out of the module's memory ("as read": another thread may have changed
 * it since). */
enum ms_text_kind { MS_TEXT_NONE, MS_TEXT_PATH, MS_TEXT_SOCKADDR, MS_TEXT_BYTES, MS_TEXT_COUNT };

struct ms_shim_text {
	uint8_t arg; /* 0-5 */
	enum ms_text_kind kind;
	bool truncated;
	uint16_t len;
	uint8_t bytes[MS_MAX_REPORT_TEXT_BYTES];
};

/* What the shim did about a call. */
enum ms_shim_action {
	MS_SHIM_BLOCKED,    /* EPERM (or ENOSYS for a number newer than the profile) */
	MS_SHIM_THROTTLED,  /* the same, from the tarpit */
	MS_SHIM_TERMINATED, /* the module was killed for it */
	MS_SHIM_ACTION_COUNT
};

struct ms_shim_violation {
	uint32_t arch; /* AUDIT_ARCH_* */
	uint32_t nr;
	uint64_t args[6];
	uint64_t ip;
	uint32_t tid, pid; /* as seen inside; pid 0 when it could not be read */
	uint32_t count;	   /* calls folded into this report, at least 1 */
	uint64_t total;	   /* refused calls of this module so far, exact */
	enum ms_shim_action action;
	int32_t error;		 /* what the caller got: EPERM or ENOSYS, positive */
	uint64_t boot_usec;	 /* CLOCK_BOOTTIME of the first call folded in */
	struct ms_str comm, exe; /* borrowed from the message or the caller */
	uint32_t n_texts;
	struct ms_shim_text texts[2];
};

enum ms_exit_kind { MS_EXIT_CODE, MS_EXIT_SIGNAL, MS_EXIT_COUNT };

struct ms_shim_exit {
	enum ms_exit_kind kind;
	uint8_t value;	   /* exit code or signal number */
	bool core_wanted;  /* CLD_DUMPED */
	bool flood;	   /* the shim killed the module for a flood of refused calls */
	bool forbidden;	   /* ... for one call whose verdict is kill */
	uint64_t denied;   /* refused calls in all, exact */
	uint64_t reported; /* of those, counted in VIOLATION messages; the difference was folded
			      away for lack of room */
	uint64_t log_dropped_bytes;
	/* version 2: */
	bool watchdog;	    /* the shim ended it: no WATCHDOG=1 came in time */
	bool emergency;	    /* the flag was up: nothing was executed */
	struct ms_str tail; /* the last lines of stderr, at most MS_MAX_TAIL_BYTES, borrowed; any
			     * bytes, NUL too */
};

/* How the module stands by what it said on NOTIFY_SOCKET: the whole of it in each message, so that
 * a later one stands for all before it. Version 2. */
struct ms_shim_notify {
	bool ready;	      /* READY=1 came */
	bool reloading;	      /* RELOADING=1 came, and no READY=1 since */
	bool stopping;	      /* STOPPING=1 came */
	uint32_t dropped;     /* datagrams that were none of sd_notify(3), or too many, so far */
	struct ms_str status; /* the latest STATUS=, "" = none; at most MS_MAX_STATUS_BYTES */
};

/* Who answers on an adoption socket, and how far its module is. */
struct ms_shim_hello {
	uint8_t launch_id[16], policy_hash[32]; /* of its plan */
	uint32_t pid_inside;
	bool ended; /* EXIT follows once the successor has read this */
	uint64_t denied;
	/* version 2: */
	bool ready;	  /* READY=1 came */
	uint8_t n_listen; /* descriptors: [pidfd unless ended] [listening ...] [plan if has_plan] */
	bool has_plan;
};

/* Encoders return the length written into @buf (MS_SHIM_MAX_BYTES), never fail for in-range values.
 * @version: MS_SHIM_OLDEST to MS_SHIM_VERSION; a message that it does not have is not asked for. */
/* ms_shimwire_plain - PLAN RELEASE KILL HEARD PARKED; LISTENER and EXEC from version 2 on. */
size_t ms_shimwire_plain(uint8_t *buf, unsigned version, enum ms_shim_type type);
size_t ms_shimwire_signal(uint8_t *buf, unsigned version, uint8_t signo);
size_t ms_shimwire_started(uint8_t *buf, unsigned version, uint32_t pid_inside);
size_t ms_shimwire_failed(uint8_t *buf, unsigned version, const struct ms_error *err);
size_t ms_shimwire_violation(uint8_t *buf, unsigned version, const struct ms_shim_violation *v);
size_t ms_shimwire_exit(uint8_t *buf, unsigned version, const struct ms_shim_exit *e);
size_t ms_shimwire_hello(uint8_t *buf, unsigned version, const struct ms_shim_hello *h);
size_t ms_shimwire_notify(uint8_t *buf, unsigned version, const struct ms_shim_notify *n);

struct ms_shim_msg {
	uint8_t version;
	enum ms_shim_type type;
	union {
		uint8_t signo;
		uint32_t pid_inside;
		struct ms_error error;
		struct ms_shim_violation violation; /* strings borrow from the message */
		struct ms_shim_exit exit;
		struct ms_shim_hello hello;
		struct ms_shim_notify notify; /* strings borrow from the message */
	};
};

/* ms_shimwire_decode - 0 or -EBADMSG; strict: lengths, enums, ranges, nothing left over. What the
 * message's version does not have is zero and "". */
MS_MUST_CHECK int ms_shimwire_decode(const void *data, size_t len, struct ms_shim_msg *ret);

#endif
