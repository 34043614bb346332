/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * instance-life.h - what instance.c (the table, who waits for what), start.c (the way up) and end.c
 * (the way down) share: one instance. Nobody else includes this.
 */
#ifndef MS_DAEMON_INSTANCE_LIFE_H
#define MS_DAEMON_INSTANCE_LIFE_H

#include <systemd/sd-event.h>

#include "lib/buf.h"
#include "policy/inspection.h"
#include "policy/policy.h"
#include "supervisor/daemon/box.h"
#include "supervisor/daemon/event.h"
#include "supervisor/daemon/instance.h"

#define MS_MAX_ENDED   64u  /* ended instances that are remembered */
#define MS_MAX_WAITERS 256u /* of one instance */

/* What the current box does. */
enum ms_phase {
	MS_PHASE_INSPECT, /* reads the manifest and the bundle */
	MS_PHASE_COPY,	  /* fills new write paths from the bundle */
	MS_PHASE_RUN,
};

enum ms_waits_for { MS_WAITS_START, MS_WAITS_END };

struct ms_waiter {
	struct ms_waiter *next;
	enum ms_waits_for what;
	enum ms_wait wait;
	ms_start_fn start_fn;
	ms_view_fn view_fn;
	void *data;
	bool already, timed_out;
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
	bool dirty; /* somebody who waits may be answered now */

	/* as asked */
	struct ms_arena arena; /* owns the strings */
	int bundle, manifest;  /* O_PATH folder; readable file */
	struct ms_str path, tenant;
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

	/* running */
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
	bool adopted;	   /* from a dead daemon: its start was told then */
	uint64_t ran_usec; /* what an adopted one had run when it was taken over */
	bool started, stop_asked, out_of_time, memory_told;
	uint64_t denied;
	sd_event_source *stop_timer, *wall_timer, *cpu_timer;
	uint32_t stop_stage;

	/* ended */
	struct ms_exit exit;
	struct ms_error error;

	struct ms_waiter *waiters; /* owned, oldest first */
	uint32_t n_waiters;
};

struct ms_instances {
	struct ms_supervisor *s;	  /* borrowed */
	struct ms_instance *first, *last; /* in order of start */
	uint64_t last_order;
	uint32_t n, n_ended;
	sd_event_source *answers; /* runs when something is dirty */
};

/* instance.c */
void ms_life_set(struct ms_instance *i, enum ms_state state); /* state, since, dirty */
void ms_life_dirty(struct ms_instance *i);
void ms_life_head(const struct ms_instance *i, const char *type, struct ms_event_head *ret);
MS_MUST_CHECK int ms_life_wait(struct ms_instance *i, const struct ms_waiter *what,
			       uint64_t timeout_usec, struct ms_error *err);
void ms_life_join(struct ms_instance *from,
		  struct ms_instance *to); /* its waiters get the other's answer */
void ms_life_drop(struct ms_instance *i);  /* out of the table, freed */

/* start.c */
MS_MUST_CHECK int ms_life_begin(struct ms_instance *i, const struct ms_start_request *req,
				struct ms_error *err);
const struct ms_box_ops *ms_life_box_ops(void);
void ms_life_next_phase(struct ms_instance *i, const struct ms_box_end *end);

/* adopt.c */
MS_MUST_CHECK int ms_life_record(struct ms_instance *i, const struct ms_box_birth *birth,
				 struct ms_error *err);

/* instance.c again, for adopt.c */
struct ms_instance *ms_life_new(struct ms_supervisor *s);
void ms_life_insert(struct ms_instance *i);
void ms_life_free(struct ms_instance *i); /* of one that is in no table */

/* end.c */
void ms_life_fail(struct ms_instance *i, const struct ms_error *err);
void ms_life_started(struct ms_instance *i, uint32_t pid);
void ms_life_ended(struct ms_instance *i, const struct ms_box_end *end);
void ms_life_violation(struct ms_instance *i, const struct ms_shim_violation *v, uint32_t pid);
void ms_life_memory(struct ms_instance *i, const struct ms_cgroup_memory *memory);
MS_MUST_CHECK int ms_life_stop(struct ms_instance *i, struct ms_error *err);
void ms_life_close(struct ms_instance *i);  /* descriptors and timers */
void ms_life_let_go(struct ms_instance *i); /* those, and what it had on disk: it has ended */
void ms_life_lost(struct ms_instance *i, const struct ms_error *why); /* could not be taken over */

#endif
