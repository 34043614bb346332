/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * arena.c - a list of blocks, filled from the front.
 */
#include "lib/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BLOCK_BYTES 4096u
#define ALIGN	    16u

struct ms_arena_block {
	struct ms_arena_block *next;
	size_t used, cap;
	_Alignas(16) char data[];
};

void ms_arena_done(struct ms_arena *arena)
{
	struct ms_arena_block *next;

	if (!arena)
		return;
	for (struct ms_arena_block *b = arena->blocks; b; b = next) {
		next = b->next;
		free(b);
	}
	arena->blocks = NULL;
	arena->used = 0;
}

void *ms_arena_alloc(struct ms_arena *arena, size_t len)
{
	struct ms_arena_block *b = arena->blocks;
	size_t need;
	void *p;

	if (arena->error)
		return NULL;
	if (len > arena->max || arena->used > arena->max - len) {
		arena->error = -E2BIG;
		return NULL;
	}
	need = (len + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (!b || b->cap - b->used < need) {
		size_t cap = need > BLOCK_BYTES ? need : BLOCK_BYTES;

		b = calloc(1, sizeof(*b) + cap);
		if (!b) {
			arena->error = -ENOMEM;
			return NULL;
		}
		b->cap = cap;
		b->next = arena->blocks;
		arena->blocks = b;
	}
	p = b->data + b->used;
	b->used += need;
	arena->used += len;
	return p;
}

struct ms_str ms_arena_str(struct ms_arena *arena, const char *p, size_t len)
{
	char *copy = ms_arena_alloc(arena, len + 1);

	if (!copy)
		return (struct ms_str){.p = "", .len = 0};
	if (len)
		memcpy(copy, p, len);
	return (struct ms_str){.p = copy, .len = len};
}

struct ms_str ms_arena_strf(struct ms_arena *arena, const char *fmt, ...)
{
	va_list ap;
	char *copy;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	copy = n < 0 ? NULL : ms_arena_alloc(arena, (size_t)n + 1);
	if (!copy)
		return (struct ms_str){.p = "", .len = 0};
	va_start(ap, fmt);
	(void)vsnprintf(copy, (size_t)n + 1, fmt, ap); /* measured just above */
	va_end(ap);
	return (struct ms_str){.p = copy, .len = (size_t)n};
}
