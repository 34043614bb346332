/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * instance-life.h - one instance, as the files of its life share it: instance.c (the table),
 * waiter.c (who waits for what), queue.c (whose turn it is), start*.c (the way up), ready.c (is it
 * of use), end.c (the way down), adopt.c (over the daemon's death), unit.c (what comes after).
 * Nobody else includes this.
 */
#ifndef MS_DAEMON_INSTANCE_LIFE_H
#define MS_DAEMON_INSTANCE_LIFE_H

#include <sys/queue.h>
#include <systemd/sd-event.h>

#include "lib/buf.h"
#include "policy/inspection.h"
#include "policy/policy.h"
#include "supervisor/daemon/box.h"
#include "supervisor/daemon/event.h"
#include "supervisor/daemon/instance.h"
#include "supervisor/daemon/probe.h"

#define MS_MAX_ENDED   64u  /* ended instances that are remembered */
#define MS_MAX_WAITERS 256u /* of one instance */

/* What the current box does. */
enum ms_phase {
	MS_PHASE_INSPECT, /* reads the manifest and the bundle */
	MS_PHASE_COPY,	  /* fills new write paths from the bundle */
	MS_PHASE_RUN,
};

enum ms_waits_for {
	MS_WAITS_START,
	MS_WAITS_RESTART, /* for the next one's start: goes over to that as MS_WAITS_START */
	MS_WAITS_END,
	MS_WAITS_NOTHING, /* a view, soon */
};

/* Why modsupd ended it. */
enum ms_ender {
	MS_ENDER_NONE,
	MS_ENDER_STOP,
	MS_ENDER_KILL,
	MS_ENDER_EMERGENCY,
	MS_ENDER_UNHEALTHY,
	MS_ENDER_NOT_READY,
	MS_ENDER_DEADLINE, /* a one-shot's time */
};

struct ms_watch;

struct ms_waiter {
	struct ms_waiter *next;
	enum ms_waits_for what;
	enum ms_wait wait;
	ms_start_fn start_fn;
	ms_view_fn view_fn;
	void *data;
	bool already, stale, timed_out;
	sd_event_source *timer;
	struct ms_instance *i;
};

struct ms_instance {
	struct ms_supervisor *s; /* borrowed */
	struct ms_instance *prev, *next;
	uint64_t order;
	char id[17];
	enum ms_state state;
	uint64_t since_usec;
	bool dirty, is_over; /* in the lists below */
	TAILQ_ENTRY(ms_instance) dirty_link, over_link;

	/* as asked */
	struct ms_arena arena; /* owns the strings */
	int bundle, manifest;  /* O_PATH folder; readable file */
	struct ms_str path, tenant, bundle_path;
	struct ms_str wanted;	     /* the module id it must have, "" = any */
	struct ms_str manifest_text; /* as given, "" = the folder's */
	bool tier_set;
	struct ms_str command[MS_MAX_ARGV];
	uint32_t n_command;
	enum ms_tier tier;
	enum ms_stdio stdio;
	uint16_t tty_rows, tty_cols;
	struct ms_doc *labels; /* owned, may be NULL */
	const void *owner;     /* borrowed, compared only */

	/* as found out */
	struct ms_inspection inspection;
	struct ms_policy *policy; /* owned */
	char policy_hex[65];
	struct ms_buf answer; /* the inspector's */
	int answer_fd;
	sd_event_source *answer_source;

	/* in the queue */
	struct ms_instance *q_next;
	bool has_slot;

	/* running */
	struct ms_unit
		*unit; /* borrowed; NULL: of nobody's wish (attached, piped, not yet known) */
	uint32_t generation;
	enum ms_phase phase;
	struct ms_box *box; /* owned */
	uint32_t installation;
	char socket_key[24]; /* folder of its sockets, "" = none */
	char sockets[MS_MAX_LISTEN][128];
	uint32_t n_sockets;
	int state_dir;
	int client_fds[3]; /* for whoever started it: stdin, stdout, stderr or the terminal */
	uint32_t n_client_fds;
	uint32_t pid;
	bool adopted;		   /* from a dead daemon: its start was told then */
	uint64_t ran_usec;	   /* what an adopted one had run when it was taken over */
	bool started, ready, told; /* exec'd; ready once; its end was told */
	bool memory_told, host_memory;
	bool outdated;
	enum ms_ender ender;
	struct ms_watch *watch; /* owned: of its limits, while it runs */
	uint64_t denied;
	char status[MS_MAX_STATUS_BYTES + 1];
	sd_event_source *stop_timer, *wall_timer, *cpu_timer;
	uint32_t stop_stage;

	/* readiness and health */
	struct ms_probe *probe; /* owned, NULL = none under way */
	sd_event_source *probe_timer, *ready_deadline;
	uint64_t ready_usec; /* CLOCK_BOOTTIME, when it became ready; 0 = not */
	uint32_t bad_probes; /* in a row */

	/* ended */
	struct ms_exit exit;
	struct ms_error error;
	char tail[MS_MAX_TAIL_BYTES + 1];
	size_t tail_len;
	uint64_t peak_memory, cpu_used_usec;

	struct ms_waiter *waiters; /* owned, oldest first */
	uint32_t n_waiters;
};

TAILQ_HEAD(ms_instance_queue, ms_instance);

struct ms_instances {
	struct ms_supervisor *s;	  /* borrowed */
	struct ms_instance *first, *last; /* in order of start */
	uint64_t last_order;
	uint32_t n, n_ended;
	/* so that what one of them does costs the same however many others there are */
	struct ms_instance_queue dirty; /* somebody who waits may be answered now */
	struct ms_instance_queue over;	/* nothing follows, in the order in which they ended */
	uint32_t n_over;
	sd_event_source *answers; /* runs when something is dirty */

	struct ms_instance *q_first, *q_last; /* those that wait for their turn to launch */
	uint32_t n_launching, n_queued, max_launching;
	sd_event_source *q_pump;
};

static inline bool ms_life_is_live(const struct ms_instance *i)
{
	return i->state < MS_STATE_STOPPED;
}

/* instance.c */
struct ms_instance *ms_life_new(struct ms_supervisor *s);
MS_MUST_CHECK int ms_life_new_id(struct ms_instance *i, struct ms_error *err);
void ms_life_insert(struct ms_instance *i);
void ms_life_set(struct ms_instance *i, enum ms_state state); /* state, since, dirty */
void ms_life_head(const struct ms_instance *i, const char *type, struct ms_event_head *ret);
void ms_life_emit(struct ms_instance *i, const char *type, struct ms_jw *take_jw);
void ms_life_free(struct ms_instance *i); /* of one that is in no table */
void ms_life_drop(struct ms_instance *i); /* out of the table, freed */
uint64_t ms_life_now(clockid_t clock);	  /* microseconds */

/* waiter.c */
void ms_life_dirty(struct ms_instance *i);
MS_MUST_CHECK int ms_life_wait(struct ms_instance *i, const struct ms_waiter *what,
			       uint64_t timeout_usec, struct ms_error *err);
/* its waiters of that kind get the other's answer */
void ms_life_join(struct ms_instance *from, struct ms_instance *to, enum ms_waits_for what,
		  bool already);
void ms_life_drop_waiters(struct ms_instance *i);
MS_MUST_CHECK int ms_waiters_open(struct ms_instances *t, struct ms_error *err);

/* queue.c */
MS_MUST_CHECK int ms_queue_open(struct ms_instances *t, struct ms_error *err);
void ms_queue_enter(struct ms_instance *i); /* launches now, or when it is its turn */
void ms_queue_leave(struct ms_instance *i); /* it is up, or it has ended */

/* start.c, start-run.c */
MS_MUST_CHECK int ms_life_ask(struct ms_instance *i, const struct ms_start_request *req,
			      struct ms_error *err);
MS_MUST_CHECK int ms_life_inspect(struct ms_instance *i, struct ms_error *err);
MS_MUST_CHECK int ms_life_run(struct ms_instance *i, uint32_t uid, struct ms_error *err);
const struct ms_box_ops *ms_life_box_ops(void);
void ms_life_next_phase(struct ms_instance *i, const struct ms_box_end *end);
/* Outside bytes for a line: cut at a character's end, control bytes as '?'. */
const char *ms_life_shown(struct ms_str text, char *out, size_t cap);

/* ready.c */
void ms_life_await_ready(struct ms_instance *i, bool was_ready);
void ms_life_notify(struct ms_instance *i, const struct ms_shim_notify *notify);
void ms_life_ready_close(struct ms_instance *i);

/* adopt.c */
MS_MUST_CHECK int ms_life_record(struct ms_instance *i, const struct ms_box_birth *birth,
				 struct ms_error *err);

/* end.c */
void ms_life_fail(struct ms_instance *i, const struct ms_error *err);
void ms_life_started(struct ms_instance *i, const struct ms_box_started *started);
void ms_life_exit(struct ms_instance *i, const struct ms_box_end *end); /* told, not yet over */
void ms_life_noted(struct ms_instance *i); /* ... and whoever reads has it */
void ms_life_ended(struct ms_instance *i, const struct ms_box_end *end);
void ms_life_violation(struct ms_instance *i, const struct ms_shim_violation *v, uint32_t pid);
void ms_life_memory(struct ms_instance *i, const struct ms_cgroup_memory *memory);
/* ms_life_stop - SIGTERM, its time, the end; at once where there is nothing to say goodbye to. */
void ms_life_stop(struct ms_instance *i, enum ms_ender why);
void ms_life_kill(struct ms_instance *i, enum ms_ender why);
/* ms_life_bound_stop - it said that it stops by itself: within the time that a stop has. */
void ms_life_bound_stop(struct ms_instance *i);
void ms_life_close(struct ms_instance *i);  /* descriptors and timers */
void ms_life_let_go(struct ms_instance *i); /* those, and what it had on disk: it has ended */
void ms_life_lost(struct ms_instance *i, const struct ms_error *why); /* could not be taken over */

#endif
