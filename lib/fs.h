/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fs.h - files reached by descriptor: paths from outside resolve only through ms_fs_open_beneath(),
 * which follows no link and leaves no root (openat2(2), 5.6). Whole reads and writes with EINTR and
 * short counts dealt with.
 */
#ifndef MS_LIB_FS_H
#define MS_LIB_FS_H

#include "lib/base.h"
#include "lib/sys.h"

/* ms_fs_open_beneath - @path under @dirfd with RESOLVE_BENEATH | NO_MAGICLINKS | NO_SYMLINKS. fd or
 * -errno. */
MS_MUST_CHECK int ms_fs_open_beneath(int dirfd, const char *path, int flags, unsigned mode);

/* ms_fs_open_in_root - as above but with RESOLVE_IN_ROOT and links followed inside @dirfd: for the
 * host's own trusted trees only. */
MS_MUST_CHECK int ms_fs_open_in_root(int dirfd, const char *path, int flags);

/* ms_fs_read_all - at most @cap bytes to the end of file; -E2BIG when there is more. Returns the
 * count. */
MS_MUST_CHECK ssize_t ms_fs_read_all(int fd, void *buf, size_t cap);

MS_MUST_CHECK int ms_fs_write_all(int fd, const void *data, size_t len);

/* ms_fs_write_at - open @path under @dirfd for writing (no create), write once, close: for kernel
 * control files. */
MS_MUST_CHECK int ms_fs_write_at(int dirfd, const char *path, const void *data, size_t len);

/* ms_fs_sealed_memfd - a memfd with @data, sealed against every change (F_SEAL_*). fd or -errno. */
MS_MUST_CHECK int ms_fs_sealed_memfd(const char *name, const void *data, size_t len,
				     bool executable);

/* ms_fs_is_sealed - 1 when @fd is a memfd that nobody can change any more, 0 when not, -errno. */
MS_MUST_CHECK int ms_fs_is_sealed(int fd);

/* ms_path_is_clean - relative, no empty, "." or ".." component, no NUL or control byte, at most
 * MS_MAX_PATH_BYTES. */
bool ms_path_is_clean(const char *p, size_t len);

#endif
