/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * oom.h - fail the n-th allocation of our own code: the test is linked with
 * -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=reallocarray (OOM_LDFLAGS). Included by one
 * file of a test program.
 */
#ifndef MS_TESTS_UNIT_OOM_H
#define MS_TESTS_UNIT_OOM_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);

static unsigned oom_left; /* allocations until one fails; 0: none will */
static bool oom_happened;

static bool oom_now(void)
{
	if (!oom_left || --oom_left)
		return false;
	oom_happened = true;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return oom_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return oom_now() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return oom_now() ? NULL : __real_realloc(p, size);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return oom_now() ? NULL : __real_reallocarray(p, n, size);
}

/* OOM_LOOP - the block once for each allocation that it makes, that one failing; it ends after the
 * run in which none did. `break` and `continue` stay inside the block's own loop: use functions. */
#define OOM_LOOP for (unsigned oom_n_ = 1; oom_n_ < 100000 && oom_begin(oom_n_); oom_n_++)

static bool oom_first = true;

static bool oom_begin(unsigned n)
{
	if (!oom_first && !oom_happened) {
		oom_first = true;
		oom_left = 0;
		return false;
	}
	oom_first = false;
	oom_happened = false;
	oom_left = n;
	return true;
}

#endif
