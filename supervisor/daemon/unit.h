/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unit.h - a module of a tenant that is wished to run: what was asked for, its sockets, and what
 * follows when its instance ends. An instance is one run; a unit is the row of them. Its sockets
 * stay while runs come and go: who connects meanwhile waits in their queue. Written down
 * (unit-record.h), so that a successor of this daemon goes on with it. One-offs that are attached
 * to a caller have none.
 */
#ifndef MS_DAEMON_UNIT_H
#define MS_DAEMON_UNIT_H

#include "lib/arena.h"
#include "lib/base.h"
#include "lib/error.h"
#include "policy/json.h"
#include "policy/manifest.h"
#include "supervisor/daemon/instance.h"
#include "supervisor/daemon/restart.h"

struct ms_box_started;
struct ms_supervisor;

struct ms_unit_socket {
	char name[16];
	char path[128];
	int fd; /* bound; listened on by the module's process, kept here */
};

struct ms_unit {
	struct ms_unit *prev, *next;
	struct ms_supervisor *s; /* borrowed */
	uint32_t number;	 /* of the installation: names its record and its sockets */

	/* as asked; the arena is made anew with each new wish */
	struct ms_arena arena;
	struct ms_str module, tenant, path, manifest, bundle;
	struct ms_str command[MS_MAX_ARGV];
	uint32_t n_command;
	enum ms_tier tier;
	struct ms_doc *labels; /* owned, may be NULL */

	struct ms_unit_socket sockets[MS_MAX_LISTEN];
	uint32_t n_sockets;

	struct ms_instance *current; /* borrowed: the latest run */
	uint32_t generation;
	bool wished;	     /* to run; a stop takes that away */
	bool again;	     /* the stop under way is half of a restart */
	bool was_up;	     /* some run of this wish reached exec */
	bool was_ready;	     /* the current one did all it takes */
	uint64_t since_usec; /* of one read from a record: since when its run is as it is */
	uint32_t failures;
	struct ms_restart_history history;
	struct sd_event_source *timer; /* until the next run */
	uint64_t next_usec;	       /* CLOCK_REALTIME, shown; 0 = none */
};

struct ms_units {
	struct ms_unit *first, *last;
};

MS_MUST_CHECK struct ms_units *ms_units_new(void);
/* ms_units_free - the records stay, for a successor. */
struct ms_units *ms_units_free(struct ms_units *units);

struct ms_unit *ms_unit_find(const struct ms_supervisor *s, struct ms_str module,
			     struct ms_str tenant);
struct ms_unit *ms_unit_by_number(const struct ms_supervisor *s, uint32_t number);

/* ms_unit_claim - @i, whose manifest and policy are known, is the next run of its unit, which is
 * made when there is none. The wish is what @i was asked for. */
MS_MUST_CHECK int ms_unit_claim(struct ms_instance *i, struct ms_error *err);
/* ms_unit_bind - the sockets that @m names: those that are there stay, others go. */
MS_MUST_CHECK int ms_unit_bind(struct ms_unit *unit, const struct ms_manifest *m,
			       struct ms_error *err);
/* ms_unit_unbind - close them and take their paths away. */
void ms_unit_unbind(struct ms_unit *unit);
/* ms_units_regroup - each for the group that the configuration now says. */
void ms_units_regroup(struct ms_supervisor *s);
/* ms_unit_take_sockets - those that a shim kept over a daemon's death, in the manifest's order. */
void ms_unit_take_sockets(struct ms_unit *unit, const struct ms_manifest *m,
			  const struct ms_box_started *started);
/* ms_unit_ended - its run @i has ended, or came to nothing; @failed: not as it should. Sets the
 * state of @i to what follows. */
void ms_unit_ended(struct ms_instance *i, bool failed);
/* ms_unit_unwish - it shall not run (any more): no next run, sockets closed once nothing runs. */
void ms_unit_unwish(struct ms_unit *unit);
/* ms_unit_next - its next run, now. The wish is there from here on. */
MS_MUST_CHECK int ms_unit_next(struct ms_unit *unit, struct ms_error *err);
/* ms_unit_forget - its latest run is forgotten, and so is the unit. */
void ms_unit_forget(struct ms_unit *unit);
/* ms_unit_note - write down what changed; a failure is logged: the unit runs on, and a successor
 * would know the older state. */
void ms_unit_note(struct ms_unit *unit);

/* adopt.c: a unit as it was written down, without a run. */
struct ms_unit_record;
MS_MUST_CHECK struct ms_unit *ms_unit_from_record(struct ms_supervisor *s,
						  const struct ms_unit_record *record);
/* ms_unit_resume - nothing of it runs any more: start it. */
void ms_unit_resume(struct ms_unit *unit);

#endif
