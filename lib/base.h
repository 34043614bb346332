/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base.h - the few words that every file of modsup is written with: must-check, auto-cleanup,
 * ownership transfer, always-on assertions. Header only, no system call, no allocation; safe for
 * the shim.
 */
#ifndef MS_LIB_BASE_H
#define MS_LIB_BASE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define MS_MUST_CHECK	__attribute__((warn_unused_result))
#define MS_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define MS_NORETURN	__attribute__((noreturn))
#define MS_UNUSED	__attribute__((unused))
/* MS_IGNORE - a must-check result that is ignored on purpose; the reason stands on the same line.
 */
#define MS_IGNORE(expr) ((void)!(expr))
#define MS_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MS_STR_(x)	#x
#define MS_STR(x)	MS_STR_(x)

/* ms_assert - programmer error only, never data from outside the process; on in every build. */
#define ms_assert(expr)                                                                            \
	do {                                                                                       \
		if (__builtin_expect(!(expr), 0))                                                  \
			__builtin_trap();                                                          \
	} while (0)

/* Cleanup attributes: an owning local is always initialised (NULL or -EBADF). */
#define ms_auto(type) __attribute__((cleanup(ms_##type##_cleanup)))

static inline void ms_free_cleanup(void *p)
{
	free(*(void **)p);
}
#define ms_auto_free __attribute__((cleanup(ms_free_cleanup)))

static inline void ms_fd_cleanup(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;
		(void)close(
			*fd); /* nothing useful can be done: the descriptor is gone either way */
		errno = saved;
		*fd = -EBADF;
	}
}
#define ms_auto_fd __attribute__((cleanup(ms_fd_cleanup)))

/* ms_fd_close - close now; returns the value to store back, so that nothing keeps a dead number. */
static inline int ms_fd_close(int fd)
{
	ms_fd_cleanup(&fd);
	return -EBADF;
}

/* Give an owned thing away, at the return or the store. */
#define MS_TAKE_PTR(p)                                                                             \
	({                                                                                         \
		__typeof__(p) taken_ = (p);                                                        \
		(p) = NULL;                                                                        \
		taken_;                                                                            \
	})
#define MS_TAKE_FD(fd)                                                                             \
	({                                                                                         \
		int taken_ = (fd);                                                                 \
		(fd) = -EBADF;                                                                     \
		taken_;                                                                            \
	})

#define MS_MIN(a, b)                                                                               \
	({                                                                                         \
		__typeof__(a) a_ = (a);                                                            \
		__typeof__(b) b_ = (b);                                                            \
		a_ < b_ ? a_ : b_;                                                                 \
	})

/* A borrowed run of bytes; never assumed to end in NUL unless the owner says so. */
struct ms_str {
	const char *p;
	size_t len;
};

/* ms_alloc_array - calloc with overflow check; NULL on ENOMEM. The caller owns the result (free).
 */
static inline void *ms_alloc_array(size_t n, size_t size)
{
	return calloc(n ? n : 1, size);
}

#endif
