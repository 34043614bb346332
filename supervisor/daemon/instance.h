/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * instance.h - one module running, or on its way there or back: what the control socket asks for
 *and what it is told. All state belongs to struct ms_supervisor and its one event loop; every wait
 *has a deadline.
 *
 *	waiting -> inspecting -> starting -> ready <-> unhealthy -> stopping -> stopped
 *	               \            \          \---(exit)---> stopped | backoff | failed
 *	                \------------\-----------------------> failed
 *
 * backoff: it has ended and a successor of it, with a generation one higher, will start by itself.
 */
#ifndef MS_DAEMON_INSTANCE_H
#define MS_DAEMON_INSTANCE_H

#include "lib/base.h"
#include "lib/error.h"
#include "policy/config.h"
#include "policy/json.h"
#include "policy/report.h"

struct ms_supervisor;
struct ms_box;
struct ms_instance;

enum ms_state {
	MS_STATE_WAITING,    /* for its turn: at most so many launch at once */
	MS_STATE_INSPECTING, /* shown as "starting" */
	MS_STATE_STARTING,
	MS_STATE_READY,
	MS_STATE_UNHEALTHY, /* runs, and its health check fails */
	MS_STATE_STOPPING,
	MS_STATE_STOPPED, /* from here on it has ended */
	MS_STATE_BACKOFF,
	MS_STATE_FAILED,
	MS_STATE_COUNT
};

enum ms_stdio { MS_STDIO_LOG, MS_STDIO_PIPE, MS_STDIO_TTY };
enum ms_wait { MS_WAIT_READY, MS_WAIT_SPAWNED, MS_WAIT_NO };

struct ms_start_request {
	struct ms_str module;	/* the id it must have, "" = any; without path and manifest: looked
				   for in the configuration's moduleFolders */
	struct ms_str path;	/* module folder, absolute; "" when manifest is given */
	struct ms_str manifest; /* manifest text instead of PATH/module.json; may be empty when path
				   is given */
	struct ms_str bundle;	/* with manifest: folder to show at /module, "" = none */
	struct ms_str
		command[MS_MAX_ARGV]; /* in place of entry.command; n_command 0 = the manifest's */
	uint32_t n_command;
	bool tier_set;
	enum ms_tier tier;
	struct ms_str tenant; /* "" = "default" */
	enum ms_wait wait;
	uint64_t timeout_usec;
	enum ms_stdio stdio;
	uint16_t tty_rows, tty_cols;
	const struct ms_json *labels; /* object or NULL; copied */
	const void *owner; /* attached: the peer whose end ends the instance; NULL = nobody */
};

/* What ended: valid in state STOPPED or FAILED once `ended` is set. */
struct ms_exit {
	bool ended;
	bool by_signal;
	uint8_t value;	   /* code or signal */
	const char *cause; /* "exited" "signal" "memory" "flood" "forbidden-call" "stopped" "killed"
			      "deadline" "watchdog" "unhealthy" "host-memory" "emergency"
			      "shim-lost" */
	const char *by;	   /* who ended it: "module" "kernel" "supervisor" "" = not known */
};

struct ms_instance_view {
	struct ms_str instance, module, version, tenant;
	enum ms_tier tier;
	enum ms_state state;
	const char *reason; /* a stable word, "" when there is nothing to say */
	uint32_t generation;
	bool already, stale;
	uint64_t since_usec; /* CLOCK_REALTIME */
	uint64_t next_usec; /* CLOCK_REALTIME: when the next thing happens by itself; 0 = nothing */
	bool outdated;	    /* its shim speaks the version before this daemon's */
	struct ms_str status;		     /* what it says of itself (STATUS=); module-made */
	struct ms_str stderr_tail;	     /* of one that ended: its last lines; module-made */
	uint64_t peak_memory, cpu_used_usec; /* of one that ended; 0 = not known */
	uint32_t pid;			     /* of the main process, on the host; 0 when none */
	struct ms_str policy;		     /* hex SHA-256, "" before it is known */
	struct {
		struct ms_str name, path;
	} sockets[MS_MAX_LISTEN];
	uint32_t n_sockets;
	const struct ms_json *labels;
	uint64_t denied;		/* refused calls so far */
	const struct ms_error *error;	/* FAILED: why; else NULL */
	const struct ms_report *report; /* manifest or bundle errors; else NULL */
	const struct ms_narrowing *narrowings;
	uint32_t n_narrowings;
	const char *const *skipped; /* words of the optional layers this instance runs without */
	uint32_t n_skipped;
	struct ms_exit exit;
};

/* Answers. @view is valid for the call only. fds: stdin (write end), stdout, stderr (read ends) for
 * PIPE, the master for TTY; the callee takes them by MS_TAKE_FD or leaves them to be closed. Called
 * exactly once, never from inside the function that registered it. */
struct ms_start_answer {
	const struct ms_instance_view *view; /* NULL when refused before anything was there */
	const struct ms_error *error;	     /* NULL = success */
	const struct ms_report *report;	     /* may be NULL */
	int *fds;
	uint32_t n_fds;
};
typedef void (*ms_start_fn)(void *data, const struct ms_start_answer *answer);
typedef void (*ms_view_fn)(void *data, const struct ms_instance_view *view);

/* ms_instance_start - begin; 0 and @fn will be called, or -errno with @err filled and @fn never
 * called. A wait that runs out answers start-timeout; the start goes on. */
MS_MUST_CHECK int ms_instance_start(struct ms_supervisor *s, const struct ms_start_request *req,
				    ms_start_fn fn, void *data, struct ms_error *err);

/* ms_instance_find - by instance id, or by module and tenant ("" = default) when @instance is
 * empty. NULL: none. Ended instances are found by id for a while (the last MS_MAX_ENDED). */
struct ms_instance *ms_instance_find(struct ms_supervisor *s, struct ms_str instance,
				     struct ms_str module, struct ms_str tenant);
/* ms_instance_stop - SIGTERM, the stop time-out, then kill. @fn when it is over (also when it was
 * before). */
MS_MUST_CHECK int ms_instance_stop(struct ms_supervisor *s, struct ms_instance *i, ms_view_fn fn,
				   void *data, struct ms_error *err);
/* ms_instance_restart - stop it if it runs, and start the module again as it was asked for; its
 * sockets stay and queue meanwhile. @fn as for a start. */
MS_MUST_CHECK int ms_instance_restart(struct ms_supervisor *s, struct ms_instance *i,
				      enum ms_wait wait, uint64_t timeout_usec, ms_start_fn fn,
				      void *data, struct ms_error *err);
/* ms_instance_kill - @signo 0: every process at once, without a restart, @fn when it is over.
 * Else the signal to its main process, @fn soon. */
MS_MUST_CHECK int ms_instance_kill(struct ms_supervisor *s, struct ms_instance *i, uint8_t signo,
				   ms_view_fn fn, void *data, struct ms_error *err);
/* ms_instance_cancel - the start that @data waits for is given up, and ended when nobody else waits
 * for it. False: there is none, or it is too late. No answer comes any more. */
bool ms_instance_cancel(struct ms_supervisor *s, const void *data);
/* ms_instance_step - what the start that @data waits for does now ("waiting", "inspect", "copy",
 * "launch", "ready"); NULL when there is none. */
const char *ms_instance_step(const struct ms_supervisor *s, const void *data);
/* Its groups while it runs, else NULL; borrowed until the loop goes on. */
struct ms_cgroup *ms_instance_cgroup(const struct ms_instance *i);
/* Its sandbox while there is one, else NULL; borrowed until the loop goes on. For exec.c. */
struct ms_box *ms_instance_box(const struct ms_instance *i);
/* ms_instance_wait - @fn once it has ended. */
MS_MUST_CHECK int ms_instance_wait(struct ms_supervisor *s, struct ms_instance *i, ms_view_fn fn,
				   void *data, struct ms_error *err);
/* ms_instance_forget - @data's owner goes away: none of its callbacks is called any more, its
 * attached instances are killed. */
void ms_instance_forget_owner(struct ms_supervisor *s, const void *owner);
void ms_instance_forget_data(struct ms_supervisor *s, const void *data);
/* ms_instance_each - in order of start, from the one after @after (0 = first); returns the order
 * number to go on from, 0 at the end; at most @limit. Not counting internal one-shots. */
uint64_t ms_instance_each(struct ms_supervisor *s, uint64_t after, uint32_t limit, ms_view_fn fn,
			  void *data);
void ms_instance_view(const struct ms_instance *i, struct ms_instance_view *ret);
const char *ms_state_word(enum ms_state state);

#endif
