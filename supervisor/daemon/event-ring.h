/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * event-ring.h - which of the kept events goes when there is room for no more: the oldest one of
 * whoever has most of them, so that one loud instance cannot push out what others did. The newest
 * MS_EVENTS_RECENT are spared while anything older is there: a reader who is only that far behind
 * loses nothing. Pure, constant time for each event. Used by event.c alone.
 */
#ifndef MS_DAEMON_EVENT_RING_H
#define MS_DAEMON_EVENT_RING_H

#include "lib/base.h"
#include "modsup/limits.h"

#define MS_EVENTS_RECENT (MS_MAX_EVENTS_KEPT / 10)

/* What an event counts for, however short it is: both bounds of the ring in one number. */
#define MS_RING_LEAST  (MS_MAX_EVENTS_BYTES / MS_MAX_EVENTS_KEPT)
#define MS_RING_LEVEL  2048u
#define MS_RING_LEVELS (MS_MAX_EVENTS_BYTES / MS_RING_LEVEL + 2)
#define MS_RING_HASH   4096u

struct ms_ring_source; /* one instance that has events here */

/* The place of one event, part of it. */
struct ms_ring_node {
	struct ms_ring_node *older, *newer, *next_of_source;
	struct ms_ring_source *source;
	uint64_t seq;
	size_t charge;
};

struct ms_ring {
	struct ms_ring_node *oldest, *newest;
	uint32_t n;
	size_t charge;
	struct ms_ring_source *hash[MS_RING_HASH];
	struct ms_ring_source *first[MS_RING_LEVELS], *last[MS_RING_LEVELS]; /* by their charge */
	size_t loudest; /* no level above has anybody */
};

/* ms_ring_victim - what has to be removed before an event of @len bytes and number @seq has room;
 * NULL: nothing has. */
struct ms_ring_node *ms_ring_victim(const struct ms_ring *ring, size_t len, uint64_t seq);
/* ms_ring_add - keep @node, the newest, of the instance @who. 0 or -ENOMEM. */
MS_MUST_CHECK int ms_ring_add(struct ms_ring *ring, struct ms_ring_node *node, struct ms_str who,
			      size_t len, uint64_t seq);
/* ms_ring_remove - forget @node: a victim, or the oldest of all. */
void ms_ring_remove(struct ms_ring *ring, struct ms_ring_node *node);

#endif
