/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * event-ring.c - event-ring.h. Sources stand in lists by how much they hold, in steps of
 * MS_RING_LEVEL: adding or removing an event moves its source by at most MS_MAX_EVENT_BYTES, so
 * that the loudest is found without a search.
 */
#include "supervisor/daemon/event-ring.h"

#include <stdlib.h>
#include <string.h>

/* Who has more than this has it at the cost of others, however few its events are. */
#define RECENT_BYTES (MS_RING_LEAST * (size_t)(MS_EVENTS_RECENT + 1))

struct ms_ring_source {
	struct ms_ring_source *chain;	    /* of the same hash */
	struct ms_ring_source *prev, *next; /* of the same level */
	struct ms_ring_node *first, *last;  /* its events, oldest first */
	size_t charge, len;
	uint32_t hash;
	char who[];
};

static uint32_t hash_of(struct ms_str who)
{
	uint32_t hash = 2166136261u; /* FNV-1a: ids are the daemon's own random numbers */

	for (size_t i = 0; i < who.len; i++)
		hash = (hash ^ (uint8_t)who.p[i]) * 16777619u;
	return hash % MS_RING_HASH;
}

static size_t level_of(const struct ms_ring_source *s)
{
	return s->charge / MS_RING_LEVEL;
}

static void level_leave(struct ms_ring *ring, struct ms_ring_source *s)
{
	size_t level = level_of(s);

	if (s->prev)
		s->prev->next = s->next;
	else
		ring->first[level] = s->next;
	if (s->next)
		s->next->prev = s->prev;
	else
		ring->last[level] = s->prev;
	s->prev = s->next = NULL;
}

static void level_enter(struct ms_ring *ring, struct ms_ring_source *s)
{
	size_t level = level_of(s);

	s->prev = ring->last[level];
	if (s->prev)
		s->prev->next = s;
	else
		ring->first[level] = s;
	ring->last[level] = s;
	if (ring->loudest < level)
		ring->loudest = level;
	while (ring->loudest && !ring->first[ring->loudest])
		ring->loudest--;
}

static struct ms_ring_source *get_source(struct ms_ring *ring, struct ms_str who)
{
	uint32_t hash = hash_of(who);
	struct ms_ring_source *s;

	for (s = ring->hash[hash]; s; s = s->chain) {
		if (s->len == who.len && (!who.len || memcmp(s->who, who.p, who.len) == 0))
			return s;
	}
	s = calloc(1, sizeof(*s) + who.len);
	if (!s)
		return NULL;
	s->len = who.len;
	s->hash = hash;
	if (who.len)
		memcpy(s->who, who.p, who.len);
	s->chain = ring->hash[hash];
	ring->hash[hash] = s;
	level_enter(ring, s);
	return s;
}

static void drop_source(struct ms_ring *ring, struct ms_ring_source *s)
{
	struct ms_ring_source **at = &ring->hash[s->hash];

	while (*at != s)
		at = &(*at)->chain;
	*at = s->chain;
	free(s);
}

static size_t charge_of(size_t len)
{
	return len > MS_RING_LEAST ? len : MS_RING_LEAST;
}

/**
 * ms_ring_victim() - see event-ring.h
 */
struct ms_ring_node *ms_ring_victim(const struct ms_ring *ring, size_t len, uint64_t seq)
{
	const struct ms_ring_source *loudest = ring->first[ring->loudest];

	if (!ring->n ||
	    (ring->n < MS_MAX_EVENTS_KEPT && ring->charge + charge_of(len) <= MS_MAX_EVENTS_BYTES))
		return NULL;
	if (loudest->first->seq + MS_EVENTS_RECENT < seq || loudest->charge > RECENT_BYTES)
		return loudest->first;
	return ring->oldest;
}

/**
 * ms_ring_add() - see event-ring.h
 */
int ms_ring_add(struct ms_ring *ring, struct ms_ring_node *node, struct ms_str who, size_t len,
		uint64_t seq)
{
	struct ms_ring_source *s = get_source(ring, who);

	if (!s)
		return -ENOMEM;
	*node = (struct ms_ring_node){
		.older = ring->newest, .source = s, .seq = seq, .charge = charge_of(len)};
	if (node->older)
		node->older->newer = node;
	else
		ring->oldest = node;
	ring->newest = node;
	if (s->last)
		s->last->next_of_source = node;
	else
		s->first = node;
	s->last = node;
	ring->n++;
	ring->charge += node->charge;
	level_leave(ring, s);
	s->charge += node->charge;
	level_enter(ring, s);
	return 0;
}

/**
 * ms_ring_remove() - see event-ring.h
 */
void ms_ring_remove(struct ms_ring *ring, struct ms_ring_node *node)
{
	struct ms_ring_source *s = node->source;

	ms_assert(s->first == node); /* the oldest of all is the oldest of its source too */
	s->first = node->next_of_source;
	if (!s->first)
		s->last = NULL;
	if (node->older)
		node->older->newer = node->newer;
	else
		ring->oldest = node->newer;
	if (node->newer)
		node->newer->older = node->older;
	else
		ring->newest = node->older;
	ring->n--;
	ring->charge -= node->charge;
	level_leave(ring, s);
	s->charge -= node->charge;
	level_enter(ring, s);
	if (!s->first) {
		level_leave(ring, s);
		drop_source(ring, s);
	}
}
