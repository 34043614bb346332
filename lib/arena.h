/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * arena.h - many small strings with one owner and one end: a manifest, a policy, a plan keep theirs
 * here. Capped.
 */
#ifndef MS_LIB_ARENA_H
#define MS_LIB_ARENA_H

#include "lib/base.h"

struct ms_arena_block;

struct ms_arena {
	struct ms_arena_block *blocks; /* owned */
	size_t used, max;	       /* bytes handed out, and their cap */
	int error;		       /* sticky -ENOMEM or -E2BIG */
};

#define MS_ARENA_INIT(max_bytes) ((struct ms_arena){.max = (max_bytes)})

void ms_arena_done(struct ms_arena *arena);
static inline void ms_arena_cleanup(struct ms_arena *arena)
{
	ms_arena_done(arena);
}

/* ms_arena_alloc - @len zeroed bytes, aligned for any type; NULL sets arena->error. Never freed one
 * by one. */
void *ms_arena_alloc(struct ms_arena *arena, size_t len);

/* ms_arena_str - a copy of @len bytes and a NUL; {"",0} and arena->error on failure. */
struct ms_str ms_arena_str(struct ms_arena *arena, const char *p, size_t len);
struct ms_str ms_arena_strf(struct ms_arena *arena, const char *fmt, ...) MS_PRINTF(2, 3);

#endif
